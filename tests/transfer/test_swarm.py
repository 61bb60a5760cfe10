"""A file comes out of a swarm: by magnet or .torrent, of each version; a stop loses nothing."""

from __future__ import annotations

import threading

import pytest

from herd.errors import Interrupted
from herd.model import File, MagnetSource, TorrentSource
from herd.progress import Stage
from tests.tools.http_server import FileServer
from tests.tools.swarm import PIECE, make_torrent
from tests.tools.swarm_tracker import HttpTracker, UdpTracker
from tests.tools.wait import until
from tests.transfer.desk import digest, within
from tests.transfer.swarm_desk import SIZE, SwarmDesk

SLOW = 8 * PIECE
"""Bytes per second of a seed that gives time to look."""


def delivered(desk: SwarmDesk) -> bool:
    """Whether the part is the file, and nothing else is left beside it."""
    return desk.part == desk.content and list(desk.staged.part.parent.iterdir()) == [
        desk.staged.part
    ]


@pytest.mark.parametrize("version", [1, 2, 12])
def test_a_magnet_and_its_tracker_are_enough(swarm_desk: SwarmDesk, version: int) -> None:
    torrent = swarm_desk.torrent(version=version)
    with swarm_desk.swarm(torrent) as swarm:
        delivery = swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
        until(lambda: swarm.uploaded == SIZE)
    assert (delivery.size, delivery.sha256) == (SIZE, digest(swarm_desk.content))
    assert delivery.name == "model.gguf"
    assert delivered(swarm_desk)


def test_a_tracker_that_speaks_udp_will_do(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm, UdpTracker(swarm.seeds[0].address) as tracker:
        swarm_desk.fetch(torrent.magnet(tracker.url))
    assert delivered(swarm_desk)


@pytest.mark.parametrize("version", [1, 2, 12])
def test_a_torrent_file_names_its_trackers_itself(swarm_desk: SwarmDesk, version: int) -> None:
    with HttpTracker() as tracker:
        torrent = swarm_desk.torrent(tracker.url, version=version)
        path = swarm_desk.folder / "some.torrent"
        path.write_bytes(torrent.raw)
        with swarm_desk.swarm(torrent) as swarm:
            tracker.peers.append(swarm.seeds[0].address)
            swarm_desk.fetch(TorrentSource(str(path)))
    assert delivered(swarm_desk)


def test_a_torrent_file_may_lie_on_a_web_server(swarm_desk: SwarmDesk) -> None:
    with HttpTracker() as tracker:
        torrent = swarm_desk.torrent(tracker.url)
        with swarm_desk.swarm(torrent) as swarm, FileServer(torrent.raw) as server:
            tracker.peers.append(swarm.seeds[0].address)
            swarm_desk.fetch(TorrentSource(server.url))
    assert delivered(swarm_desk)


def test_several_seeds_share_the_work(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent, seeds=3, rate=SLOW) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
        assert all(each.uploaded > 0 for each in swarm.seeds)
    assert delivered(swarm_desk)


def test_only_the_wanted_file_of_a_large_torrent_comes(swarm_desk: SwarmDesk) -> None:
    folder = swarm_desk.shelf / "all"
    folder.mkdir()
    (folder / "a-readme.txt").write_bytes(b"x" * 3 * PIECE)
    (folder / "model.gguf").write_bytes(swarm_desk.content)
    (folder / "z-other.gguf").write_bytes(b"y" * 3 * PIECE)
    torrent = make_torrent(folder)
    with swarm_desk.swarm(torrent) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
        # The pieces at both ends are shared with a neighbour.
        assert swarm.uploaded <= SIZE + 2 * PIECE
    assert delivered(swarm_desk)


def test_what_nobody_promised_comes_too(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm:
        source = torrent.magnet(swarm.tracker.url)
        delivery = swarm_desk.fetch(source, File("unknown", (source,)))
    assert (delivery.name, delivery.sha256) == ("model.gguf", digest(swarm_desk.content))


def test_the_gauge_tells_of_peers_and_bytes(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent, rate=4 * SLOW) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
    assert "1 peer" in swarm_desk.gauge.sources
    shown = swarm_desk.gauge.read()
    assert (shown.stage, shown.done) == (Stage.VERIFYING, SIZE)


@pytest.mark.parametrize("version", [1, 2])
def test_a_stop_ends_it_within_a_second_and_the_next_try_goes_on(
    swarm_desk: SwarmDesk, version: int
) -> None:
    torrent = swarm_desk.torrent(version=version)
    with swarm_desk.swarm(torrent, rate=SLOW) as swarm:
        magnet = torrent.magnet(swarm.tracker.url)
        with _fetching(swarm_desk, magnet) as fetching:
            until(lambda: swarm_desk.gauge.read().done > SIZE // 2, 30)
            with within(1.0):
                swarm_desk.stop.set()
                fetching.join()
        had = swarm.uploaded
        assert had < SIZE
        swarm_desk.stop.clear()
        swarm.seeds[0].slow_down(0)
        swarm_desk.fetch(magnet)
        # Pieces that were under way come again.
        assert swarm.uploaded - had < SIZE - had + 10 * PIECE
        assert swarm.uploaded - had < SIZE
    assert delivered(swarm_desk)


def test_a_stop_while_nobody_answers_ends_it_within_a_second(swarm_desk: SwarmDesk) -> None:
    with HttpTracker() as tracker:
        magnet = swarm_desk.torrent().magnet(tracker.url)
        with _fetching(swarm_desk, magnet) as fetching:
            until(lambda: tracker.announces != [])
            with within(1.0):
                swarm_desk.stop.set()
                fetching.join()


def test_pieces_that_another_carrier_left_count(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    begun = 12 * PIECE + 5
    swarm_desk.staged.part.parent.mkdir()
    swarm_desk.staged.part.write_bytes(swarm_desk.content[:begun])
    with swarm_desk.swarm(torrent) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
        until(lambda: swarm.uploaded == SIZE - 12 * PIECE)
    assert delivered(swarm_desk)


def test_a_part_that_is_longer_than_the_file_is_cut(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    swarm_desk.staged.part.parent.mkdir()
    swarm_desk.staged.part.write_bytes(swarm_desk.content + b"tail" * 1000)
    with swarm_desk.swarm(torrent) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
    assert delivered(swarm_desk)


class _fetching:  # noqa: N801  # reads as a phrase in a with statement
    """A fetch in a thread; it must end by its stop."""

    def __init__(self, desk: SwarmDesk, magnet: MagnetSource) -> None:
        self._desk = desk
        self._magnet = magnet
        self._ended: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._desk.fetch(self._magnet)
        except Interrupted as error:
            self._ended.append(error)

    def __enter__(self) -> threading.Thread:
        self._thread.start()
        return self._thread

    def __exit__(self, *_: object) -> None:
        self._desk.stop.set()
        self._thread.join()
        assert self._ended
