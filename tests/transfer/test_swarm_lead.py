"""Mirrors go ahead of a swarm, and stay ahead where peers would only hold them up."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import Interrupted
from herd.model import InfoHash, MagnetSource, UrlSource
from herd.transfer import Delivery, ledger, swarm_lead
from herd.transfer.budget import Budget
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_lead import BUSY, FAST, Mark
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, own_host
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.desk import digest, within
from tests.transfer.swarm_desk import CALM, SIZE, SwarmDesk
from tests.transfer.test_hybrid import PATIENT, fetch, given, torrent_source

MOST = 8
"""Connections to one mirror."""


def second(number: int, *, busy: float = 2 * BUSY, rate: float = 2 * FAST) -> Mark:
    """Where things are after so many seconds."""
    return Mark(float(number), number * busy, int(number * rate))


def test_a_mirror_that_the_processor_holds_back_stays_ahead() -> None:
    assert second(1).is_held_back(second(0))


def test_one_that_the_line_holds_back_does_not() -> None:
    assert not second(1, busy=BUSY / 2).is_held_back(second(0))


def test_nor_one_that_is_slow_while_herd_is_busy_with_something_else() -> None:
    assert not second(1, rate=FAST / 2).is_held_back(second(0))
    assert not second(1, rate=FAST / 2).is_slow(second(0))
    assert second(1, rate=FAST / 8).is_slow(second(0))


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> SwarmDesk:
    """One whose files are worth it, and whose processor is always said to limit."""
    monkeypatch.setattr(swarm_lead, "WORTH", PIECE)
    monkeypatch.setattr(swarm_lead, "_FIRST", PIECE)
    monkeypatch.setattr(swarm_lead, "BUSY", 0.0)
    monkeypatch.setattr(swarm_lead, "FAST", 0)
    monkeypatch.setattr(swarm_lead, "PROOF", 60.0)
    caplog.set_level(logging.INFO, "herd.transfer.swarm_lead")
    return SwarmDesk(tmp_path)


@pytest.fixture
def mirror(desk: SwarmDesk) -> Iterator[FileServer]:
    with FileServer(desk.content) as running:
        yield running


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection to each mirror: every other one would have a piece of its own under way."""
    monkeypatch.setattr("herd.transfer.download._ENOUGH", -1.0)


@pytest.fixture
def other(desk: SwarmDesk) -> Iterator[FileServer]:
    with FileServer(desk.content, "127.0.0.2") as running:
        yield running


def has_swarm(caplog: pytest.LogCaptureFixture) -> bool:
    return "the swarm has the file" in caplog.text


def test_a_mirror_brings_all_of_a_magnets_file_by_itself(
    desk: SwarmDesk, mirror: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm:
        delivery = fetch(desk, torrent.magnet(swarm.tracker.url), mirror)
        assert swarm.uploaded == 0
    assert not has_swarm(caplog)
    assert desk.part == desk.content
    assert delivery.sha256 == digest(desk.content)
    assert delivery.table is not None
    assert given(delivery) == {UrlSource(mirror.url): SIZE}
    assert mirror.bytes_sent <= SIZE
    assert [each.name for each in desk.staged.part.parent.iterdir()] == [desk.staged.part.name]


@pytest.mark.parametrize("version", [1, 2, 12])
def test_and_of_a_torrents(desk: SwarmDesk, mirror: FileServer, version: int) -> None:
    with desk.swarm(desk.torrent(version=version)) as swarm:
        source = torrent_source(desk, swarm.tracker.url, version=version)
        delivery = fetch(desk, source, mirror)
        assert swarm.uploaded == 0
    assert desk.part == desk.content
    assert given(delivery) == {UrlSource(mirror.url): SIZE}


def test_several_mirrors_begin_with_a_piece_each_and_share_the_rest(
    desk: SwarmDesk, mirror: FileServer, other: FileServer
) -> None:
    mirror.faults = other.faults = Faults(rate=10 * PIECE)
    delivery = fetch(desk, torrent_source(desk), mirror, other)
    assert desk.part == desk.content
    assert sum(given(delivery).values()) == SIZE
    assert len(given(delivery)) == 2
    for each in (mirror, other):
        asked = each.requests[0]
        assert asked.start is not None
        assert asked.stop is not None
        assert asked.stop - asked.start <= PIECE


@pytest.mark.parametrize("is_magnet", [False, True])
def test_a_liar_costs_one_piece_at_its_server(
    desk: SwarmDesk,
    mirror: FileServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_magnet: bool,
) -> None:
    # However long the metadata takes on a busy machine.
    monkeypatch.setattr(swarm_lead, "HEAD_START", 60.0)
    mirror.content = bytes(each ^ 0xFF for each in desk.content)
    torrent = desk.torrent()
    with desk.swarm(torrent, rate=40 * PIECE) as swarm:
        magnet = torrent.magnet(swarm.tracker.url)
        source = magnet if is_magnet else torrent_source(desk, swarm.tracker.url)
        delivery = fetch(desk, source, mirror)
    assert has_swarm(caplog)
    assert desk.part == desk.content
    assert mirror.bytes_sent <= PIECE
    assert delivery.liars == (UrlSource(mirror.url),)
    assert given(delivery) == {source: SIZE}


@pytest.mark.usefixtures("alone")
def test_a_mirror_that_begins_to_lie_under_way_is_found_by_its_next_piece(
    desk: SwarmDesk, mirror: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    good = 8 * PIECE
    mirror.content = desk.content[:good] + bytes(each ^ 0xFF for each in desk.content[good:])
    mirror.faults = Faults(rate=4 * PIECE)
    with desk.swarm(desk.torrent(), rate=40 * PIECE) as swarm:
        delivery = fetch(desk, torrent_source(desk, swarm.tracker.url), mirror)
    assert has_swarm(caplog)
    assert desk.part == desk.content
    assert delivery.liars == (UrlSource(mirror.url),)
    assert delivery.wasted <= 3 * PIECE
    # What was under way when the first wrong piece was whole comes on top of it.
    assert mirror.bytes_sent <= good + 4 * PIECE


def test_of_several_connections_to_a_liar_each_costs_what_it_had_under_way(
    desk: SwarmDesk,
    mirror: FileServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("herd.transfer.download._ENOUGH", 1e9)  # however busy the machine is
    good = 8 * PIECE
    mirror.content = desk.content[:good] + bytes(each ^ 0xFF for each in desk.content[good:])
    mirror.faults = Faults(rate=2 * PIECE)
    with desk.swarm(desk.torrent(), rate=40 * PIECE) as swarm:
        delivery = fetch(desk, torrent_source(desk, swarm.tracker.url), mirror)
        assert mirror.connections > 2
        assert mirror.bytes_sent + swarm.uploaded <= SIZE + mirror.connections * PIECE
    assert has_swarm(caplog)
    assert desk.part == desk.content
    assert delivery.liars == (UrlSource(mirror.url),)
    assert delivery.wasted <= MOST * PIECE


def test_a_wrong_byte_that_nobody_looked_at_is_found_by_the_digest(
    desk: SwarmDesk, mirror: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.transfer.swarm_judge._REST", 1e9)
    at = 18 * PIECE + 5
    mirror.content = desk.content[:at] + bytes([desk.content[at] ^ 1]) + desk.content[at + 1 :]
    with desk.swarm(desk.torrent()) as swarm:
        delivery = fetch(desk, torrent_source(desk, swarm.tracker.url), mirror)
        assert 0 < swarm.uploaded <= 2 * PIECE
    assert desk.part == desk.content
    assert delivery.liars == (UrlSource(mirror.url),)


@pytest.mark.usefixtures("alone")
def test_where_the_line_limits_the_swarm_goes_on_with_what_came(
    desk: SwarmDesk,
    mirror: FileServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(swarm_lead, "BUSY", 1e9)
    mirror.faults = Faults(rate=8 * PIECE)
    with desk.swarm(desk.torrent(), rate=8 * PIECE) as swarm:
        source = torrent_source(desk, swarm.tracker.url)
        delivery = fetch(desk, source, mirror)
        assert swarm.uploaded > 0
        assert mirror.bytes_sent + swarm.uploaded <= SIZE + 4 * PIECE
    assert "the line limits the mirrors" in caplog.text
    assert desk.part == desk.content
    assert sum(given(delivery).values()) == SIZE
    assert given(delivery)[UrlSource(mirror.url)] >= PIECE


def test_a_mirror_that_has_no_piece_in_time_does_not_hold_the_swarm_up(
    desk: SwarmDesk,
    mirror: FileServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(swarm_lead, "PROOF", 0.05)
    mirror.faults = Faults(stalls_before_head=True)
    with desk.swarm(desk.torrent()) as swarm:
        source = torrent_source(desk, swarm.tracker.url)
        delivery = fetch(desk, source, mirror)
    assert "no mirror gave a piece in time" in caplog.text
    assert given(delivery) == {source: SIZE}


@pytest.mark.parametrize("faults", [Faults(status=404), Faults(ignores_ranges=True, status=403)])
def test_a_mirror_that_has_nothing_leaves_the_file_to_the_swarm(
    desk: SwarmDesk, mirror: FileServer, faults: Faults
) -> None:
    mirror.faults = faults
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm:
        magnet = torrent.magnet(swarm.tracker.url)
        assert given(fetch(desk, magnet, mirror)) == {magnet: SIZE}
    assert desk.part == desk.content


def test_a_mirror_that_sends_only_whole_files_may_bring_one(
    desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.faults = Faults(ignores_ranges=True)
    with desk.swarm(desk.torrent()) as swarm:
        fetch(desk, torrent_source(desk, swarm.tracker.url), mirror)
    assert desk.part == desk.content
    assert mirror.bytes_sent <= SIZE


def test_while_nobody_gives_metadata_all_mirrors_bring_what_they_can(
    desk: SwarmDesk, mirror: FileServer, other: FileServer
) -> None:
    mirror.faults = other.faults = Faults(rate=10 * PIECE)
    with HttpTracker() as tracker, within(20):
        magnet = MagnetSource(v1=InfoHash("ab" * 20), trackers=(tracker.url,))
        delivery = fetch(desk, magnet, mirror, other)
    assert desk.part == desk.content
    assert len(given(delivery)) == 2


def test_a_magnet_of_hashes_that_come_later_goes_on_in_the_swarm(
    desk: SwarmDesk, mirror: FileServer
) -> None:
    torrent = desk.torrent(version=2)
    with desk.swarm(torrent) as swarm:
        delivery = fetch(desk, torrent.magnet(swarm.tracker.url), mirror)
        assert mirror.bytes_sent + swarm.uploaded <= SIZE + 4 * PIECE
    assert desk.part == desk.content
    assert sum(given(delivery).values()) == SIZE


def test_under_a_limit_peers_and_mirrors_work_together(desk: SwarmDesk, mirror: FileServer) -> None:
    with desk.swarm(desk.torrent()) as swarm:
        source = torrent_source(desk, swarm.tracker.url)
        wish = replace(desk.wish(source), others=(UrlSource(mirror.url),), budget=Budget(1 << 30))
        TorrentCarrier(CALM, interface=own_host(), mirror_patience=PATIENT).fetch(wish)
        assert swarm.uploaded > 0
    assert desk.part == desk.content


def test_a_stop_keeps_what_came_and_the_next_try_goes_on(
    desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.faults = Faults(rate=4 * PIECE)
    with desk.swarm(desk.torrent()) as swarm:
        source = torrent_source(desk, swarm.tracker.url)
        with stops(desk, lambda: mirror.bytes_sent >= 6 * PIECE), pytest.raises(Interrupted):
            fetch(desk, source, mirror)
        before = mirror.bytes_sent
        mirror.faults = Faults()
        delivery: Delivery = fetch(desk, source, mirror)
        assert swarm.uploaded == 0
    assert desk.part == desk.content
    assert mirror.bytes_sent - before <= SIZE - 5 * PIECE
    assert given(delivery) == {UrlSource(mirror.url): SIZE}


@contextmanager
def stops(desk: SwarmDesk, when: Callable[[], bool]) -> Iterator[None]:
    """Somebody who wants it to end, and no longer after it did."""

    def wait() -> None:
        until(when, 30)
        desk.stop.set()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()
    desk.stop.clear()


def test_a_kill_costs_what_was_on_its_way(desk: SwarmDesk, mirror: FileServer) -> None:
    mirror.faults = Faults(rate=4 * PIECE)
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm:
        assert torrent.v1 is not None
        words = [str(desk.staged.part), str(SIZE), digest(desk.content), torrent.v1]
        words += [swarm.tracker.url, own_host(), mirror.url]
        module = [sys.executable, "-m", "tests.transfer.swarm_dying"]
        with subprocess.Popen([*module, *words], stdout=subprocess.PIPE) as dying:
            until(lambda: mirror.bytes_sent >= 8 * PIECE, 60)
            dying.kill()
        left = ledger.begun(desk.staged)
        before, mirror.faults = mirror.bytes_sent, Faults()
        assert left >= 4 * PIECE
        fetch(desk, torrent.magnet(swarm.tracker.url), mirror)
        assert swarm.uploaded == 0
    assert desk.part == desk.content
    assert mirror.bytes_sent - before <= SIZE - left + PIECE
