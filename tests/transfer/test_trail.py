"""A file is hashed while it comes: an earlier try is compared, and no process is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from herd import late_hashing
from herd.hashing import Hasher
from herd.late_hashing import Apart
from herd.model import UrlSource
from herd.pieces import Table, TableMaker
from herd.transfer import begun
from herd.transfer.ledger import MARKS
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import Desk, promise
from tests.transfer.resuming import LARGE, PIECE, SIZE, begin, damage, go_on


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(LARGE) as running:
        yield running


def test_a_fetch_goes_on_when_the_process_that_hashes_is_killed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Hasher] = []

    class Noted(Apart):
        def __init__(self, file: int, size: int, known: Table | None = None) -> None:
            super().__init__(file, size, known)
            made.append(self)

    def kill_once(_: int) -> None:
        if desk.gauge.read().done > len(LARGE) // 2:
            made[0].wake()

    monkeypatch.setattr(late_hashing, "WORTH", 1)
    monkeypatch.setattr(late_hashing, "Apart", Noted)
    desk.gauge.whenever = kill_once
    with FileServer(LARGE) as server:
        server.keeps_alive = True
        server.faults = Faults(rate=len(LARGE) // 4)
        file = promise(UrlSource(server.url), content=LARGE)
        delivery = desk.http.fetch(desk.wish(file))
        assert server.bytes_sent < 1.02 * len(LARGE), "what was written stays"
    assert delivery.sha256 == file.sha256
    assert delivery.table is not None
    maker = TableMaker(len(LARGE))
    maker.update(LARGE)
    assert delivery.table == maker.table()
    assert len(made) == 1, "the rest is hashed in this process"


def begin_with_marks(desk: Desk, server: FileServer, marks: bytes | None = None) -> int:
    """As `begin`, when two pieces are whole and hashed; the bytes that are there."""
    begin(desk, server, 2 * PIECE + 500_000)
    right = b"".join(hashlib.sha256(LARGE[: at * PIECE]).digest() for at in (1, 2))
    desk.staged.beside(MARKS).write_bytes(right if marks is None else marks)
    return begun(desk.staged)


def test_several_damaged_pieces_come_again_and_none_of_the_others(
    desk: Desk, server: FileServer
) -> None:
    there = begin_with_marks(desk, server)
    for at in (1000, PIECE + 1000):
        damage(desk.staged.part, at)
    go_on(desk, server)
    assert server.bytes_sent == SIZE - there + 2 * PIECE


def test_marks_that_a_power_cut_left_empty_are_none(desk: Desk, server: FileServer) -> None:
    there = begin_with_marks(desk, server, bytes(2 * 32))
    go_on(desk, server)
    assert server.bytes_sent == SIZE - there


def test_marks_after_one_that_is_wrong_are_not_asked_any_more(
    desk: Desk, server: FileServer
) -> None:
    """They are those of a file with other bytes there: whatever comes, they would not fit."""
    there = begin_with_marks(desk, server, b"?" * 2 * 32)
    go_on(desk, server)
    assert server.bytes_sent == SIZE - there + PIECE


def test_a_file_comes_without_its_pieces_where_who_hashed_them_is_killed_before_it_tells(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Apart):
        def table(self) -> Table:
            self.wake()
            return super().table()

    monkeypatch.setattr(late_hashing, "WORTH", 1)
    monkeypatch.setattr(late_hashing, "Apart", Killed)
    file = promise(UrlSource(server.url), content=LARGE)
    delivery = desk.http.fetch(desk.wish(file))
    assert (delivery.sha256, delivery.table) == (file.sha256, None)
    assert server.bytes_sent == SIZE


@pytest.mark.parametrize("left", [1 << 30, None], ids=["too many", "nobody"])
def test_a_file_is_not_kept_waiting_for_pieces_that_are_not_hashed(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch, left: int | None
) -> None:
    class Slow(Apart):
        def left(self) -> int:
            if left is None:
                self.wake()
                return super().left()
            return left

    monkeypatch.setattr(late_hashing, "WORTH", 1)
    monkeypatch.setattr(late_hashing, "Apart", Slow)
    file = promise(UrlSource(server.url), content=LARGE)
    delivery = desk.http.fetch(desk.wish(file))
    assert (delivery.sha256, delivery.table) == (file.sha256, None)
    assert server.bytes_sent == SIZE


def test_a_few_pieces_that_are_left_are_hashed_at_the_end(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_hashing, "WORTH", 1)
    delivery = desk.http.fetch(desk.wish(promise(UrlSource(server.url), content=LARGE)))
    maker = TableMaker(SIZE)
    maker.update(LARGE)
    assert delivery.table == maker.table()
