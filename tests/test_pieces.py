"""Piece tables: the layer of BEP 52, from any pieces of bytes, and no other table is read."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd import pieces
from herd.pieces import LEAF, BadTable, Proof, Table, TableMaker

SIZES = [1, 100, LEAF, LEAF + 1, 4 * LEAF, 4 * LEAF + 1, 13 * LEAF + 777, 300 * LEAF]


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def table_of(content: bytes, piece_size: int | None = None, step: int = 100_003) -> Table:
    maker = TableMaker(len(content), piece_size)
    for at in range(0, len(content), step):
        maker.update(content[at : at + step])
    return maker.table()


@pytest.mark.parametrize("piece_size", [LEAF, 4 * LEAF, pieces.PIECE])
@pytest.mark.parametrize("size", SIZES)
def test_the_table_is_what_libtorrent_makes(tmp_path: Path, size: int, piece_size: int) -> None:
    content = content_of(size)
    (tmp_path / "f").write_bytes(content)
    files = lt.list_files(str(tmp_path / "f"))
    made = lt.create_torrent(files, piece_size, lt.create_torrent.v2_only)
    lt.set_piece_hashes(made, str(tmp_path))
    torrent: Any = made.generate()
    root = torrent[b"info"][b"file tree"][b"f"][b""][b"pieces root"]

    table = table_of(content, piece_size)

    assert table.root == root
    if size > piece_size:
        assert table.hashes == torrent[b"piece layers"][root]
    else:
        assert table.hashes == root


@given(st.integers(0, 40 * LEAF), st.integers(1, 3 * LEAF))
@settings(max_examples=40, deadline=None)
def test_how_the_bytes_come_makes_no_difference(size: int, step: int) -> None:
    content = content_of(size)

    assert table_of(content, 4 * LEAF, step) == table_of(content, 4 * LEAF, size or 1)


def test_digest_and_table_come_from_one_pass() -> None:
    content = content_of(9 * LEAF + 5)
    proof = Proof()
    for at in range(0, len(content), 7000):
        proof.update(content[at : at + 7000])

    assert proof.sha256 == hashlib.sha256(content).hexdigest()
    assert proof.table() == table_of(content)


def test_two_hashes_beside_each_other_are_those_of_one_after_the_other() -> None:
    content = content_of(300 * LEAF + 5)
    with ThreadPoolExecutor(1) as pool:
        proof = Proof(len(content), pool)
        for at in range(0, len(content), 1 << 20):
            proof.update(content[at : at + (1 << 20)])

    assert proof.sha256 == hashlib.sha256(content).hexdigest()
    assert proof.table() == table_of(content)


def test_a_piece_is_known_by_its_bytes_alone() -> None:
    content = content_of(10 * LEAF + 5)
    for piece_size in (4 * LEAF, 16 * LEAF):
        table = table_of(content, piece_size)
        for piece in range(len(table)):
            span = table.span(piece)
            right = content[span.start : span.stop]
            assert table.is_whole(piece, right)
            assert not table.is_whole(piece, right[:-1])
            assert not table.is_whole(piece, bytes([right[0] ^ 1]) + right[1:])


def test_damaged_pieces_that_touch_are_one_span() -> None:
    table = table_of(content_of(10 * LEAF + 5), 2 * LEAF)

    spans = list(pieces.spans(table, [5, 0, 1, 3]))

    assert spans == [
        range(4 * LEAF),
        range(6 * LEAF, 8 * LEAF),
        range(10 * LEAF, 10 * LEAF + 5),
    ]


def test_enormous_files_have_larger_pieces_whether_their_size_was_known_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pieces, "PIECE", LEAF)
    monkeypatch.setattr(pieces, "MOST_PIECES", 4)
    content = content_of(37 * LEAF + 9)
    unknown = TableMaker()
    unknown.update(content)

    known = table_of(content)

    assert known.piece_size == 16 * LEAF
    assert unknown.table() == known


def test_an_empty_file_has_a_table_without_pieces() -> None:
    table = TableMaker().table()

    assert (table.size, len(table), table.root) == (0, 0, bytes(32))
    assert pieces.read(pieces.write(table)) == table


def test_a_table_is_read_as_it_was_written() -> None:
    table = table_of(content_of(10 * LEAF), 2 * LEAF)

    assert pieces.read(pieces.write(table), table.size) == table


def test_no_table_is_longer_than_its_file_allows() -> None:
    for size in (0, 1, pieces.PIECE, pieces.PIECE + 1):
        assert len(pieces.write(table_of(bytes(size)))) <= pieces.longest(size)


def flat_table_of(content: bytes, piece_size: int) -> Table:
    each = range(0, len(content), piece_size)
    found = [hashlib.sha1(content[at : at + piece_size], usedforsecurity=False) for at in each]
    return Table(len(content), piece_size, b"".join(one.digest() for one in found), is_flat=True)


def test_a_flat_table_knows_each_piece_and_is_read_as_it_was_written() -> None:
    content = content_of(10 * LEAF + 5)
    table = flat_table_of(content, 4 * LEAF)

    assert pieces.read(pieces.write(table), len(content)) == table
    assert len(pieces.write(table)) <= pieces.longest(len(content))
    for piece in range(len(table)):
        span = table.span(piece)
        right = content[span.start : span.stop]
        assert table.is_whole(piece, right)
        assert not table.is_whole(piece, right[:-1])
        assert not table.is_whole(piece, right[:-1] + bytes([right[-1] ^ 1]))


@pytest.mark.parametrize(
    ("size", "piece_size"),
    [(1 << 40, LEAF), (1 << 40, 2 * pieces.LARGEST_FLAT), (pieces.MOST_PIECES * LEAF + 1, LEAF)],
)
def test_a_flat_table_of_too_many_or_too_large_pieces_is_not_read(
    size: int, piece_size: int
) -> None:
    table = Table(size, piece_size, bytes(20 * -(-size // piece_size)), is_flat=True)

    with pytest.raises(BadTable, match="its pieces have"):
        pieces.check(table, size)


@given(st.data(), st.sampled_from([table_of, flat_table_of]))
@settings(max_examples=200, deadline=None)
def test_a_damaged_table_is_never_read(
    data: st.DataObject, make: Callable[[bytes, int], Table]
) -> None:
    content = bytearray(pieces.write(make(content_of(10 * LEAF), 2 * LEAF)))
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]

    with pytest.raises(BadTable):
        # Whoever has the file knows its size; the root does not cover that.
        pieces.read(bytes(content), 10 * LEAF)


@pytest.mark.parametrize(
    ("size", "piece_size", "hashes"),
    [
        (1, 0, b""),
        (1, 3, bytes(32)),
        (1, LEAF // 2, bytes(32)),
        (1, LEAF * 3, bytes(32)),
        (1 << 63, LEAF, b""),
        (10 * LEAF, LEAF, bytes(32 * 9)),
        (0, LEAF, bytes(32)),
        (1 << 60, LEAF, bytes(32)),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(
    size: int, piece_size: int, hashes: bytes
) -> None:
    with pytest.raises(BadTable):
        pieces.check(Table(size, piece_size, hashes))


def test_a_table_of_another_file_is_refused() -> None:
    content = pieces.write(table_of(content_of(LEAF)))

    with pytest.raises(BadTable):
        pieces.read(content, LEAF + 1)
