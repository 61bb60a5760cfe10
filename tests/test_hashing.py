"""Both ways to hash a file while it grows say the same, and what they cannot read they say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from herd import hashing
from herd.child_python import Gone
from herd.hashing import Beside, Hasher, Here
from herd.pieces import PIECE, TableMaker

CONTENT = os.urandom(2 * PIECE + 12345)
SPANS = [(at, min(PIECE, len(CONTENT) - at)) for at in range(0, len(CONTENT), PIECE)]
WAYS = pytest.mark.parametrize("make", [Here, Beside])
Make = Callable[[int, int], Hasher]


@contextmanager
def hasher(make: Make, path: Path, size: int = len(CONTENT)) -> Iterator[Hasher]:
    file = os.open(path, os.O_RDONLY)
    try:
        with closing(make(file, size)) as made:
            yield made
    finally:
        os.close(file)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "part"
    written.write_bytes(CONTENT)
    return written


@WAYS
def test_pieces_and_digest_are_those_of_one_pass(make: Make, path: Path) -> None:
    maker = TableMaker(len(CONTENT))
    maker.update(CONTENT)
    table = maker.table()
    with hasher(make, path) as one:
        found = [one.pieces(at, length) for at, length in SPANS]
        assert found == [[table.hash_of(index)] for index in range(len(table))]
        assert one.digest() == hashlib.sha256(CONTENT).digest()


@WAYS
def test_several_pieces_may_be_asked_for_at_once(make: Make, path: Path) -> None:
    with hasher(make, path) as one, hasher(make, path) as other:
        each = [hash_ for span in SPANS for hash_ in other.pieces(*span) or []]
        assert one.pieces(0, len(CONTENT)) == each
        assert one.digest() == other.digest()
        one.restart()
        one.pieces(0, PIECE)
        one.pieces(PIECE, len(CONTENT) - PIECE)
        one.back()
        assert one.digest() == hashlib.sha256(CONTENT[:PIECE]).digest()


@WAYS
def test_a_piece_that_was_none_is_taken_back(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        one.pieces(*SPANS[0])
        one.pieces(*SPANS[2])
        one.back()
        for span in SPANS[1:]:
            one.pieces(*span)
        assert one.digest() == hashlib.sha256(CONTENT).digest()


@WAYS
def test_it_begins_anew(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        one.pieces(*SPANS[1])
        one.restart()
        assert one.digest() == hashlib.sha256().digest()


@WAYS
def test_a_file_that_was_cut_short_has_no_such_piece(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        one.pieces(*SPANS[0])
        os.truncate(path, PIECE + 5)
        assert one.pieces(*SPANS[1]) is None
        assert one.digest() == hashlib.sha256(CONTENT[:PIECE]).digest()


def test_a_process_that_is_gone_is_said_to_be(path: Path) -> None:
    with hasher(Beside, path) as one:
        one.pieces(*SPANS[0])
        one.wake()
        with pytest.raises(Gone):
            one.pieces(*SPANS[1])


def test_a_small_file_starts_no_process(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        with closing(hashing.begin(file, len(CONTENT))) as made:
            assert isinstance(made, Here)
    finally:
        os.close(file)
