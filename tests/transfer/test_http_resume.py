"""What an earlier try left: used as far as it is right, whatever ended that try."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from herd.errors import Interrupted, NoRoom, SourceRefused
from herd.model import UrlSource
from herd.transfer import begun, ledger, reserved
from herd.transfer.carrier import Mismatch, Wish
from herd.transfer.ledger import MARKS, SUFFIX
from herd.transfer.part import Part
from herd.transfer.ranges import Span
from herd.transfer.trail import Trail
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import Desk, digest, eventually, hope, promise, within
from tests.transfer.resuming import LARGE, PIECE, SIZE, begin, damage, go_on


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(LARGE) as running:
        yield running


def test_a_begun_transfer_goes_on_where_it_stopped(desk: Desk, server: FileServer) -> None:
    begin(desk, server, 5_000_000)
    there = begun(desk.staged)
    assert 5_000_000 <= there < SIZE
    go_on(desk, server)
    assert server.bytes_sent == SIZE - there


def test_nothing_is_left_beside_a_whole_file(desk: Desk, server: FileServer) -> None:
    go_on(desk, server)
    assert [path.name for path in desk.staged.part.parent.iterdir()] == [desk.staged.part.name]


def test_a_whole_part_needs_no_network(desk: Desk, server: FileServer) -> None:
    desk.stage(LARGE)
    go_on(desk, server)
    assert server.requests == []


def test_a_part_that_was_written_from_the_beginning_is_gone_on_with(
    desk: Desk, server: FileServer
) -> None:
    desk.stage(LARGE[:6_000_000])
    go_on(desk, server)
    assert server.bytes_sent == SIZE - 6_000_000


def test_a_part_of_something_else_is_found_out_by_the_digest(
    desk: Desk, server: FileServer
) -> None:
    desk.stage(b"x" * 6_000_000)
    go_on(desk, server)
    assert server.bytes_sent == SIZE
    assert any("earlier try" in said for said in desk.gauge.said)


def test_a_part_longer_than_the_file_is_cut(desk: Desk, server: FileServer) -> None:
    desk.stage(LARGE + b"too long")
    go_on(desk, server)


def test_a_damaged_piece_alone_comes_again(desk: Desk, server: FileServer) -> None:
    begin(desk, server, 2 * PIECE + 500_000)
    eventually(desk.staged.beside(MARKS).exists)
    there = begun(desk.staged)
    damage(desk.staged.part, 1000)
    go_on(desk, server)
    assert server.bytes_sent <= SIZE - there + PIECE


@pytest.mark.parametrize("hashed_since", [0, 2 * PIECE + 500_000], ids=["never", "since"])
def test_damage_that_nobody_had_hashed_is_found_by_the_digest(
    desk: Desk, server: FileServer, hashed_since: int
) -> None:
    begin(desk, server, PIECE + 2_000_000)
    damage(desk.staged.part, PIECE + 1_000_000)
    if hashed_since:
        begin(desk, server, hashed_since)
    go_on(desk, server)
    assert server.bytes_sent <= SIZE


def test_a_part_that_was_cut_is_filled_up(desk: Desk, server: FileServer) -> None:
    begin(desk, server, 6_000_000)
    os.truncate(desk.staged.part, 1_000_000)
    go_on(desk, server)
    assert server.bytes_sent == SIZE - 1_000_000


def test_a_part_that_vanished_comes_again(desk: Desk, server: FileServer) -> None:
    begin(desk, server, 6_000_000)
    desk.staged.part.unlink()
    go_on(desk, server)
    assert server.bytes_sent == SIZE


def test_after_a_power_cut_only_what_reached_the_disk_is_believed(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(desk, server, 6_000_000)
    damage(desk.staged.part, 5_000_000)
    monkeypatch.setattr(ledger, "boot_id", lambda: "another boot")
    go_on(desk, server)
    assert server.bytes_sent == SIZE, "it ended before the first sync"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"size": 1}', b"\xff\xfe", b"[" * 10_000, b'{"given": []}'],
)
def test_a_ledger_that_does_not_read_costs_bytes_and_nothing_else(
    desk: Desk, server: FileServer, content: bytes
) -> None:
    begin(desk, server, 2_000_000)
    desk.staged.beside(SUFFIX).write_bytes(content)
    desk.staged.beside(MARKS).write_bytes(content)
    go_on(desk, server)
    doubted = PIECE if len(content) >= 32 else 0  # read as a mark, which one piece disproves
    assert server.bytes_sent <= SIZE + doubted


def test_hostile_ranges_in_a_ledger_are_not_believed(desk: Desk, server: FileServer) -> None:
    begin(desk, server, 2_000_000)
    path = desk.staged.beside(SUFFIX)
    for spans in ("[[0, 99999999999]]", "[[-5, 7]]", '[["a", "b"]]', "[[5, 5]]", "[[0]]"):
        text = path.read_text()
        start = text.index("[[", text.index('"given"'))
        path.write_text(text[:start] + spans + text[text.index("]]", start) + 2 :])
        assert ledger.load(desk.staged) is None
    go_on(desk, server)


def test_a_server_without_a_tag_is_gone_on_with_and_the_digest_judges(
    desk: Desk, server: FileServer
) -> None:
    server.etag = None
    begin(desk, server, 5_000_000)
    there = begun(desk.staged)
    go_on(desk, server)
    assert server.bytes_sent == SIZE - there
    assert all("if-range" not in request.headers for request in server.requests)


@pytest.mark.parametrize(
    ("etag", "sent"), [('"strong"', '"strong"'), ('W/"weak"', None)], ids=["strong", "weak"]
)
def test_another_mirror_goes_on_and_only_a_strong_tag_of_the_same_one_is_asked_with(
    desk: Desk, server: FileServer, etag: str, sent: str | None
) -> None:
    server.etag = etag
    begin(desk, server, 5_000_000)
    there = begun(desk.staged)
    with FileServer(LARGE, "127.0.0.2") as other:
        other.etag = '"another"'
        go_on(desk, other)
        assert other.bytes_sent == SIZE - there
        assert "if-range" not in other.requests[0].headers
    desk.staged.part.unlink()
    begin(desk, server, 5_000_000)
    there, server.bytes_sent = begun(desk.staged), 0
    go_on(desk, server)
    assert server.requests[-1].headers.get("if-range") == sent


def test_an_unpromised_file_goes_on_only_from_the_same_address(
    desk: Desk, server: FileServer
) -> None:
    begin(desk, server, 6_000_000, is_promised=False)
    there = begun(desk.staged)
    assert desk.get_unpromised(server.url).sha256 == digest(LARGE)
    assert server.bytes_sent == SIZE - there
    with FileServer(LARGE[::-1], "127.0.0.2") as another:
        desk.stage(LARGE[:1000])
        assert desk.get_unpromised(another.url).sha256 == digest(LARGE[::-1])


def test_an_unpromised_file_from_a_server_without_ranges_is_hashed_as_it_is_at_last(
    desk: Desk, server: FileServer
) -> None:
    begin(desk, server, 6_000_000, is_promised=False)
    server.faults, server.etag = Faults(ignores_ranges=True), None
    server.content = fresh = LARGE[::-1]
    assert desk.get_unpromised(server.url).sha256 == digest(fresh)
    assert desk.gauge.most == SIZE


@pytest.mark.parametrize("etag", ['"two"', None])
def test_an_unpromised_file_that_changed_is_never_mixed(
    desk: Desk, server: FileServer, etag: str | None
) -> None:
    begin(desk, server, 6_000_000, is_promised=False)
    fresh = LARGE[::-1] + b"!"
    server.content, server.etag = fresh, etag
    assert desk.get_unpromised(server.url).sha256 == digest(fresh)


def test_an_unpromised_file_that_became_shorter_is_begun_anew(
    desk: Desk, server: FileServer
) -> None:
    begin(desk, server, 6_000_000, is_promised=False)
    server.content = short = LARGE[:1_000_000]
    assert desk.get_unpromised(server.url).sha256 == digest(short)
    assert any(request.start and request.start >= len(short) for request in server.requests)


def test_a_promised_file_that_became_shorter_is_refused(desk: Desk, server: FileServer) -> None:
    begin(desk, server, 6_000_000)
    there = begun(desk.staged)
    server.content = LARGE[:1_000_000]
    with pytest.raises(SourceRefused, match="ends where it does not"):
        go_on(desk, server)
    assert begun(desk.staged) == there


def test_a_promised_file_whose_only_server_changes_its_tag_is_judged_by_the_digest(
    desk: Desk, server: FileServer
) -> None:
    begin(desk, server, 6_000_000)
    there = begun(desk.staged)
    server.etag = '"of another machine behind the same name"'
    go_on(desk, server)
    assert server.bytes_sent < SIZE - there + 1_000_000


def test_what_a_part_has_of_the_disk_already_need_not_be_free(
    desk: Desk, server: FileServer
) -> None:
    begin(desk, server, 6_000_000)
    there = begun(desk.staged)
    assert there < SIZE
    assert SIZE - 4096 <= there + reserved(desk.staged) <= SIZE + 65536


def test_no_room_is_said_before_the_first_byte(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = os.statvfs("/")
    assert usage
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1_000_000})())
    with pytest.raises(NoRoom, match="are missing"):
        go_on(desk, server)
    assert server.requests == []


def test_a_size_that_no_disk_holds_is_refused_before_memory_is_taken_for_it(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []
    span = Span(0, 4096, 10**15, None)
    real: Any = Trail.__init__

    def counted(trail: Trail, *arguments: Any) -> None:
        taken.append(arguments)
        real(trail, *arguments[:2], 4096, *arguments[3:])

    monkeypatch.setattr(Trail, "__init__", counted)
    monkeypatch.setattr("herd.transfer.ranges._partial", lambda *_: span)
    source = UrlSource(server.url)

    with pytest.raises(NoRoom, match="are missing"):
        desk.http.fetch(Wish(hope(source), source, desk.staged, desk.gauge))
    assert taken == []


def test_a_link_in_the_place_of_a_part_leads_no_byte_elsewhere(
    desk: Desk, server: FileServer, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    desk.staged.part.parent.mkdir(parents=True, exist_ok=True)
    desk.staged.part.symlink_to(victim)

    go_on(desk, server)

    assert victim.read_bytes() == b"precious"
    assert not desk.staged.part.is_symlink()


def test_a_part_that_is_written_in_order_follows_no_link(desk: Desk, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    desk.staged.part.parent.mkdir(parents=True, exist_ok=True)
    desk.staged.part.symlink_to(victim)

    source = UrlSource("https://m.example/x")
    with Part(Wish(promise(source, content=LARGE), source, desk.staged, desk.gauge)) as part:
        part.write(b"GGUF")

    assert desk.staged.part.read_bytes() == b"GGUF"
    assert not victim.exists()


def test_a_stop_is_obeyed_within_a_second_under_the_tightest_limit(
    desk: Desk, server: FileServer
) -> None:
    desk.budget.set(1000)
    source = UrlSource(server.url)
    wish = replace(desk.wish(promise(source, content=LARGE)), budget=desk.budget)
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(Interrupted):
            desk.http.fetch(wish)
        ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: desk.gauge.read().done > 0)
    with within(1):
        desk.stop.set()
        thread.join()
    assert ended.is_set()


def test_one_wrong_mirror_alone_ends_with_a_mismatch_also_after_a_resume(
    desk: Desk, server: FileServer
) -> None:
    begin(desk, server, 2_000_000)
    server.content = LARGE[:-1] + b"!"
    with pytest.raises(Mismatch):
        go_on(desk, server)
