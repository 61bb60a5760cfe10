"""The digest of a file comes at once and the hashes of its pieces in the end, the same as ever."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from herd import late_hashing
from herd.child_python import Gone
from herd.late_hashing import Apart, AtOnce, LateHasher
from herd.pieces import PIECE, Table, TableMaker
from tests.tools.wait import until

CONTENT = os.urandom(4 * PIECE + 12345)
SPANS = [(at, min(PIECE, len(CONTENT) - at)) for at in range(0, len(CONTENT), PIECE)]
WAYS = pytest.mark.parametrize("make", [AtOnce, Apart])
Make = Callable[[int, int], LateHasher]


@contextmanager
def hasher(make: Make, path: Path) -> Iterator[LateHasher]:
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


def child_of(process: int) -> int:
    """The one child of a process, once it is there."""
    children = Path(f"/proc/{process}/task/{process}/children")
    until(lambda: bool(children.read_text()))
    return int(children.read_text())


@WAYS
def test_digest_and_table_are_those_of_one_pass(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        assert all(one.take(*span) for span in SPANS)
        assert one.digest() == hashlib.sha256(CONTENT).digest()
        assert one.table() == table_of(CONTENT)


@WAYS
def test_several_pieces_may_be_taken_at_once(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        assert one.take(0, 2 * PIECE)
        assert one.digest() == hashlib.sha256(CONTENT[: 2 * PIECE]).digest()
        assert one.take(2 * PIECE, len(CONTENT) - 2 * PIECE)
        assert one.table() == table_of(CONTENT)


@WAYS
def test_a_file_that_was_cut_short_has_no_such_bytes(make: Make, path: Path) -> None:
    with hasher(make, path) as one:
        assert one.take(*SPANS[0])
        os.truncate(path, PIECE + 5)
        assert not one.take(*SPANS[1])
        assert one.digest() == hashlib.sha256(CONTENT[:PIECE]).digest()


def test_a_process_that_is_gone_is_said_to_be(path: Path) -> None:
    with hasher(Apart, path) as one:
        assert one.take(*SPANS[0])
        one.wake()
        with pytest.raises(Gone):
            one.take(*SPANS[1])


def test_pieces_that_are_known_are_not_counted_again(path: Path) -> None:
    known = Table(len(CONTENT), PIECE, b"k" * 32 * len(SPANS))
    file = os.open(path, os.O_RDONLY)
    try:
        with closing(Apart(file, len(CONTENT), known)) as one:
            assert all(one.take(*span) for span in SPANS)
            assert one.table() is known
            assert one.digest() == hashlib.sha256(CONTENT).digest()
    finally:
        os.close(file)


def test_whoever_hashes_when_nobody_else_does_may_be_lost(path: Path) -> None:
    with hasher(Apart, path) as one:
        assert one.take(*SPANS[0])
        assert isinstance(one, Apart)
        os.kill(child_of(one.process), 9)
        assert all(one.take(*span) for span in SPANS[1:])
        assert one.table() == table_of(CONTENT)


def test_whoever_hashes_when_nobody_else_does_ends_with_its_parent(path: Path) -> None:
    with hasher(Apart, path) as one:
        assert isinstance(one, Apart)
        idle = child_of(one.process)
        one.wake()
        until(lambda: not Path(f"/proc/{idle}").exists() or is_over(idle))


def is_over(process: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{process}/status").read_text()


def test_a_small_file_starts_no_process(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        with closing(late_hashing.begin(file, len(CONTENT))) as made:
            assert isinstance(made, AtOnce)
    finally:
        os.close(file)
