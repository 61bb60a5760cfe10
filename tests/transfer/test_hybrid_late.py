"""Metadata that comes when mirrors have brought something by themselves: none of it is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from herd.model import MagnetSource, UrlSource
from herd.transfer import Delivery, torrent_fetch
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_check import written
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, own_host
from tests.tools.swarm_peer import Peer
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.desk import QUICK
from tests.transfer.swarm_desk import CALM, SIZE, SwarmDesk

PATIENT = replace(QUICK, first_byte=10, slow_for=10, attempts=8)


def fetch(desk: SwarmDesk, magnet: MagnetSource, *mirrors: FileServer) -> Delivery:
    carrier = TorrentCarrier(CALM, interface=own_host(), mirror_patience=PATIENT)
    sources = tuple(UrlSource(each.url) for each in mirrors)
    file = desk.promise(magnet, *sources)
    return carrier.fetch(replace(desk.wish(magnet, file), others=sources))


def test_metadata_that_comes_late_joins_what_the_mirrors_have_begun(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    torrent = swarm_desk.torrent()
    mirror.faults = Faults(stall_after=6 * PIECE)
    gate = threading.Event()
    peer = Peer(torrent, swarm_desk.content, gate=gate)
    with (
        peer,
        HttpTracker(peer.address) as tracker,
        opens(gate, lambda: has_begun(swarm_desk.staged.part)),
    ):
        fetch(swarm_desk, torrent.magnet(tracker.url), mirror)
        assert 0 < peer.sent <= SIZE - 5 * PIECE
    assert swarm_desk.part == swarm_desk.content


@pytest.mark.parametrize("version", [2, 12])
def test_what_a_mirror_brought_is_no_lie_while_nobody_knows_the_hashes(
    swarm_desk: SwarmDesk,
    mirror: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
) -> None:
    monkeypatch.setattr(torrent_fetch, "WORTH", PIECE)
    torrent = swarm_desk.torrent(version=version)
    mirror.faults = Faults(stall_after=6 * PIECE)
    gate = threading.Event()
    with (
        swarm_desk.swarm(torrent, rate=8 * PIECE) as swarm,
        opens(gate, lambda: has_begun(swarm_desk.staged.part)),
    ):
        swarm.tracker.gate = gate
        delivery = fetch(swarm_desk, torrent.magnet(swarm.tracker.url), mirror)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.liars == ()
    given = {share.source: share.size for share in delivery.shares}
    assert given[UrlSource(mirror.url)] >= 5 * PIECE


def test_a_mirror_that_brought_a_wrong_file_before_the_metadata_came_is_told_of(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.content = bytes(each ^ 0xFF for each in swarm_desk.content)
    gate, part = threading.Event(), swarm_desk.staged.part

    def was_found_wrong() -> bool:
        return mirror.bytes_sent >= SIZE and not part.exists()

    with swarm_desk.swarm(swarm_desk.torrent()) as swarm, opens(gate, was_found_wrong):
        swarm.tracker.gate = gate
        delivery = fetch(swarm_desk, swarm_desk.torrent().magnet(swarm.tracker.url), mirror)
    assert swarm_desk.part == swarm_desk.content
    assert [source for source, _ in delivery.failed] == [UrlSource(mirror.url)]


def test_so_is_each_of_several_of_which_one_alone_gave_it(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.content = bytes(each ^ 0xFF for each in swarm_desk.content)
    gate, part = threading.Event(), swarm_desk.staged.part

    def was_found_wrong() -> bool:
        return mirror.bytes_sent >= SIZE and not part.exists()

    with (
        FileServer(swarm_desk.content, "127.0.0.2") as gone,
        swarm_desk.swarm(swarm_desk.torrent()) as swarm,
        opens(gate, was_found_wrong),
    ):
        gone.faults = Faults(status=404)
        swarm.tracker.gate = gate
        magnet = swarm_desk.torrent().magnet(swarm.tracker.url)
        delivery = fetch(swarm_desk, magnet, mirror, gone)
    assert swarm_desk.part == swarm_desk.content
    assert {source for source, _ in delivery.failed} == {UrlSource(mirror.url), UrlSource(gone.url)}


def has_begun(part: Path) -> bool:
    """Whether six pieces lie in the part; what a server has sent may still be on its way."""
    if not part.exists():
        return False
    with part.open("rb") as stream:
        return written(stream.fileno()).total >= 6 * PIECE


@contextmanager
def opens(gate: threading.Event, when: Callable[[], bool]) -> Iterator[None]:
    """Set an event when something happened, beside what is done inside."""

    def wait() -> None:
        until(when, 30)
        gate.set()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()
