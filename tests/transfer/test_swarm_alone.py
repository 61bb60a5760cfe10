"""Where the processor limits, a fast mirror that proved right brings the rest without peers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from herd.errors import Interrupted
from herd.model import UrlSource
from herd.transfer import swarm_alone, swarm_judge
from herd.transfer.swarm_alone import BUSY, PART, SPAN, WORTH, Mark, Rule
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE
from tests.tools.wait import until
from tests.transfer.desk import digest
from tests.transfer.swarm_desk import SIZE, SwarmDesk
from tests.transfer.test_hybrid import fetch, given, torrent_source

MUCH = 10 * WORTH


def second(number: int, *, busy: float = 2 * BUSY, part: float = 2 * PART) -> Mark:
    """Where things are after so many seconds of 100 MB each."""
    came = number * 100_000_000
    return Mark(float(number), number * busy, came, int(came * part))


def test_a_mirror_works_alone_where_the_processor_limits() -> None:
    rule = Rule()
    assert not rule.favours(second(0), MUCH)
    assert rule.favours(second(1), MUCH)
    assert rule.rate == 100_000_000


def test_it_gets_one_chance(self_rule: Rule) -> None:
    assert not any(self_rule.favours(second(number), MUCH) for number in range(2, 9))


@pytest.fixture
def self_rule() -> Rule:
    """One that has decided."""
    rule = Rule()
    rule.favours(second(0), MUCH)
    assert rule.favours(second(1), MUCH)
    return rule


def test_where_the_line_limits_all_of_them_work_together() -> None:
    rule = Rule()
    assert not any(rule.favours(second(number, busy=BUSY / 2), MUCH) for number in range(9))


def test_a_mirror_that_gives_little_beside_the_peers_gets_no_chance() -> None:
    rule = Rule()
    assert not any(rule.favours(second(number, part=PART / 2), MUCH) for number in range(9))


def test_the_end_of_a_file_is_not_worth_it() -> None:
    rule = Rule()
    assert not any(rule.favours(second(number), WORTH - 1) for number in range(9))


def test_it_is_decided_by_what_happened_just_now() -> None:
    rule = Rule()
    for number in range(5):
        assert not rule.favours(second(number, busy=0), MUCH)
    now = second(4, busy=0)
    later = Mark(now.now + 2 * SPAN, now.used + 1, now.came + PIECE, now.given + PIECE)
    assert rule.favours(later, MUCH)


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> SwarmDesk:
    """One whose processor is always said to limit."""
    monkeypatch.setattr(swarm_alone, "BUSY", 0.0)
    monkeypatch.setattr(swarm_alone, "PART", 0.0)
    monkeypatch.setattr(swarm_alone, "SPAN", 0.0)
    monkeypatch.setattr(swarm_alone, "WORTH", PIECE)
    monkeypatch.setattr(swarm_alone, "_JUDGE", 1000.0)
    caplog.set_level(logging.INFO, "herd.transfer.swarm_alone")
    return SwarmDesk(tmp_path)


@pytest.fixture
def mirror(desk: SwarmDesk) -> Iterator[FileServer]:
    """Slow enough for there to be a rest when it has proved right."""
    with FileServer(desk.content) as running:
        running.faults = Faults(rate=10 * PIECE)
        yield running


def was_alone(caplog: pytest.LogCaptureFixture) -> bool:
    return "brings the rest alone" in caplog.text


@pytest.mark.parametrize("version", [1, 2])
def test_the_rest_comes_from_the_mirror(
    desk: SwarmDesk, mirror: FileServer, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    torrent = desk.torrent(version=version)
    with desk.swarm(torrent, rate=4 * PIECE) as swarm:
        source = torrent_source(desk, swarm.tracker.url, version=version)
        delivery = fetch(desk, source, mirror)
    assert was_alone(caplog)
    assert desk.part == desk.content
    assert delivery.sha256 == digest(desk.content)
    assert delivery.table is not None
    assert sum(given(delivery).values()) == SIZE
    assert given(delivery)[UrlSource(mirror.url)] > 10 * PIECE
    assert not desk.inside.parent.exists()


def test_a_mirror_that_begins_to_lie_is_found_by_the_pieces_and_left_out(
    desk: SwarmDesk, mirror: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    half = len(desk.content) // 2
    mirror.content = desk.content[:half] + bytes(each ^ 0xFF for each in desk.content[half:])
    with desk.swarm(desk.torrent(), rate=4 * PIECE) as swarm:
        source = torrent_source(desk, swarm.tracker.url)
        delivery = fetch(desk, source, mirror)
    assert was_alone(caplog)
    assert desk.part == desk.content
    assert delivery.liars == (UrlSource(mirror.url),)
    assert delivery.wasted >= PIECE
    assert sum(given(delivery).values()) == SIZE


def test_one_wrong_byte_that_only_the_digest_shows_costs_its_piece(
    desk: SwarmDesk,
    mirror: FileServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(swarm_judge, "_REST", 1e9)
    at = 18 * PIECE + 5
    mirror.content = desk.content[:at] + bytes([desk.content[at] ^ 1]) + desk.content[at + 1 :]
    with desk.swarm(desk.torrent(), rate=4 * PIECE) as swarm:
        delivery = fetch(desk, torrent_source(desk, swarm.tracker.url), mirror)
        assert swarm.uploaded < SIZE
    assert was_alone(caplog)
    assert desk.part == desk.content
    assert delivery.liars == (UrlSource(mirror.url),)


def test_a_mirror_that_goes_away_leaves_the_rest_to_the_peers(
    desk: SwarmDesk, mirror: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    with desk.swarm(desk.torrent(), rate=4 * PIECE) as swarm:
        gone = threading.Thread(target=goes_away, args=(mirror, caplog))
        gone.start()
        delivery = fetch(desk, torrent_source(desk, swarm.tracker.url), mirror)
        gone.join()
    assert was_alone(caplog)
    assert desk.part == desk.content
    assert delivery.liars == ()
    assert sum(given(delivery).values()) == SIZE


def goes_away(mirror: FileServer, caplog: pytest.LogCaptureFixture) -> None:
    until(lambda: was_alone(caplog))
    mirror.faults = Faults(status=404)


def test_a_stop_keeps_what_came_and_the_next_try_goes_on(
    desk: SwarmDesk, mirror: FileServer, caplog: pytest.LogCaptureFixture
) -> None:
    with desk.swarm(desk.torrent(), rate=4 * PIECE) as swarm:
        source = torrent_source(desk, swarm.tracker.url)
        stops = threading.Thread(target=stops_halfway, args=(desk, mirror, caplog))
        stops.start()
        with pytest.raises(Interrupted):
            fetch(desk, source, mirror)
        stops.join()
        desk.stop.clear()
        before = mirror.bytes_sent
        fetch(desk, source, mirror)
    assert desk.part == desk.content
    assert mirror.bytes_sent - before <= SIZE - 2 * PIECE


@pytest.mark.parametrize("version", [2, 12])
def test_what_a_magnet_of_hashes_that_come_later_brought_is_kept(
    desk: SwarmDesk, mirror: FileServer, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    torrent = desk.torrent(version=version)
    with desk.swarm(torrent, rate=4 * PIECE) as swarm:
        gone = threading.Thread(target=goes_away_halfway, args=(mirror, caplog))
        gone.start()
        fetch(desk, torrent.magnet(swarm.tracker.url), mirror)
        gone.join()
        came = mirror.bytes_sent + swarm.uploaded
    assert was_alone(caplog)
    assert desk.part == desk.content
    assert came <= SIZE + 6 * PIECE


def goes_away_halfway(mirror: FileServer, caplog: pytest.LogCaptureFixture) -> None:
    until(lambda: was_alone(caplog) and mirror.bytes_sent >= 10 * PIECE, 30)
    mirror.faults = Faults(status=404)


def stops_halfway(desk: SwarmDesk, mirror: FileServer, caplog: pytest.LogCaptureFixture) -> None:
    until(lambda: was_alone(caplog) and mirror.bytes_sent >= 10 * PIECE, 30)
    desk.stop.set()
