"""A file is hashed while it grows, in this process or another, and both say the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from herd import late_hashing
from herd.child_python import Gone
from herd.hashing import Hasher, Here
from herd.late_hashing import Apart
from herd.pieces import PIECE, Table, TableMaker
from tests.tools.wait import until

CONTENT = os.urandom(4 * PIECE + 12345)
SPANS = [(at, min(PIECE, len(CONTENT) - at)) for at in range(0, len(CONTENT), PIECE)]
MARKS = [hashlib.sha256(CONTENT[: at + length]).digest() for at, length in SPANS]
WAYS = pytest.mark.parametrize("make", [Here, Apart])
Make = Callable[[int, int], Hasher]


@contextmanager
def hasher(make: Make, path: Path) -> Iterator[Hasher]:
    file = os.open(path, os.O_RDONLY)
    try:
        with closing(make(file, len(CONTENT))) as made:
            yield made
    finally:
        os.close(file)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "part"
    written.write_bytes(CONTENT)
    return written


def table_of(content: bytes) -> Table:
    maker = TableMaker(len(content))
    maker.update(content)
    return maker.table()


def table(hasher: Hasher) -> Table:
    """Once the pieces that are left are hashed: each time some are."""
    left = hasher.left()
    while left:
        before, left = left, hasher.left()
        assert left < before
    return hasher.table()


def child_of(process: int) -> int:
    """The one child of a process, once it is there."""
    children = Path(f"/proc/{process}/task/{process}/children")
    until(lambda: bool(children.read_text()))
    return int(children.read_text())


@WAYS
def test_digest_and_table_are_those_of_one_pass(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        assert [one.take(*span) for span in SPANS] == [[mark] for mark in MARKS]
        assert one.digest() == hashlib.sha256(CONTENT).digest()
        assert table(one) == table_of(CONTENT)


@WAYS
def test_several_pieces_may_be_taken_at_once(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        assert one.take(0, 2 * PIECE) == MARKS[:2]
        assert one.digest() == MARKS[1]
        assert one.take(2 * PIECE, len(CONTENT) - 2 * PIECE) == MARKS[2:]
        assert table(one) == table_of(CONTENT)


@WAYS
def test_what_was_taken_last_may_be_taken_back(make: Make, path: Path) -> None:
    with hasher(make, path) as one, path.open("r+b") as stream:
        one.take(*SPANS[0])
        stream.seek(PIECE)
        stream.write(bytes(2 * PIECE))
        stream.flush()
        one.take(PIECE, 2 * PIECE)
        one.back()
        assert one.digest() == MARKS[0]
        stream.seek(PIECE)
        stream.write(CONTENT[PIECE : 3 * PIECE])
        stream.flush()
        assert [one.take(*span) for span in SPANS[1:]] == [[mark] for mark in MARKS[1:]]
        assert table(one) == table_of(CONTENT)


@WAYS
def test_it_begins_anew_with_other_bytes(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        assert all(one.take(*span) for span in SPANS)
        other = CONTENT[::-1]
        path.write_bytes(other)
        one.restart()
        assert one.digest() == hashlib.sha256().digest()
        assert all(one.take(*span) for span in SPANS)
        assert one.digest() == hashlib.sha256(other).digest()
        assert table(one) == table_of(other)


@WAYS
def test_it_begins_anew_when_all_was_done(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        for _ in range(2):
            assert all(one.take(*span) for span in SPANS)
            assert table(one) == table_of(CONTENT)
            one.restart()


@WAYS
def test_a_file_that_was_cut_short_has_no_such_bytes(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        assert one.take(*SPANS[0])
        os.truncate(path, PIECE + 5)
        assert one.take(*SPANS[1]) is None
        assert one.digest() == MARKS[0]


def test_the_mark_of_a_piece_may_be_what_a_table_says_of_it(path: Path) -> None:
    right = table_of(CONTENT)
    with hasher(lambda file, size: Here(file, size, is_by_piece=True), path) as one:
        assert [one.take(*span) for span in SPANS] == [[right.hash_of(at)] for at in range(5)]
        assert one.digest() == MARKS[-1]


def test_a_process_that_is_gone_is_said_to_be(path: Path) -> None:
    with hasher(Apart, path) as one:
        assert one.take(*SPANS[0])
        one.wake()
        with pytest.raises(Gone):
            one.take(*SPANS[1])


def test_pieces_that_are_known_are_not_hashed_again(path: Path) -> None:
    known = Table(len(CONTENT), PIECE, b"k" * 32 * len(SPANS))
    with hasher(lambda file, size: Apart(file, size, known), path) as one:
        assert all(one.take(*span) for span in SPANS)
        assert one.left() == 0
        assert one.table() is known
        assert one.digest() == hashlib.sha256(CONTENT).digest()


def test_whoever_hashes_when_nobody_else_does_may_be_lost(path: Path) -> None:
    with hasher(Apart, path) as one:
        assert one.take(*SPANS[0])
        assert isinstance(one, Apart)
        os.kill(child_of(one.process), 9)
        assert all(one.take(*span) for span in SPANS[1:])
        assert table(one) == table_of(CONTENT)


def test_whoever_hashes_when_nobody_else_does_ends_with_its_parent(path: Path) -> None:
    with hasher(Apart, path) as one:
        assert isinstance(one, Apart)
        idle = child_of(one.process)
        one.wake()
        until(lambda: not Path(f"/proc/{idle}").exists() or is_over(idle))


def is_over(process: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{process}/status").read_text()


def test_a_small_file_starts_no_process(path: Path) -> None:
    with hasher(late_hashing.begin, path) as one:
        assert isinstance(one, Here)
