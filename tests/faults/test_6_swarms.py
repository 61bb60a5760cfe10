"""Swarms whose trackers are down, that nobody is in, or where peers lie."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest

from herd.model import InfoHash, MagnetSource, TorrentSource
from tests.faults.person import CONTENT, ONE_CONNECTION, SIZE, Person
from tests.tools.foreign import need, running
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, Seed, Torrent, describe, make_torrent
from tests.tools.swarm_peer import Peer, poisoned
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until

NOBODY = InfoHash("ab" * 20)
BLOCK = 16 * 1024


@dataclass(frozen=True)
class Shelf:
    """The file and a torrent of it."""

    folder: Path
    torrent: Torrent

    def seed(self) -> Seed:
        return Seed(self.torrent, self.folder)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(CONTENT)
    return Shelf(folder, make_torrent(folder / "tiny.gguf"))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_tracker_that_is_down_does_not_keep_http_from_delivering(
    person: Person, shelf: Shelf, good: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    down = f"http://127.0.0.1:{closed_port()}/announce"
    person.is_offered(shelf.torrent.magnet(down), good)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert good.bytes_sent == SIZE
    assert "2.0 MB from 127.0.0.2" in ran.end


def test_a_tracker_that_is_down_is_told_and_another_one_helps(hasty: Person, shelf: Shelf) -> None:
    down = f"http://127.0.0.1:{closed_port()}/announce"
    hasty.is_offered(shelf.torrent.magnet(down))
    alone = hasty.types()
    with shelf.seed() as seed, HttpTracker(seed.address) as tracker:
        hasty.is_offered(shelf.torrent.magnet(down, tracker.url))
        together = hasty.types()
        assert seed.uploaded == SIZE

    assert alone.code == 4
    assert "nobody gave the metadata within 3 s (127.0.0.1 says: " in alone.end
    assert "refused" in alone.end
    assert (together.code, hasty.has) == (0, CONTENT)


@contextmanager
def opentracker(folder: Path) -> Iterator[str]:
    """A tracker of the world, which serves only what is on its list: nothing."""
    need("opentracker", is_root=True)
    port = closed_port()
    (folder / "list").write_text("")
    words = ["opentracker", "-i", "127.0.0.1", "-p", str(port), "-P", str(port)]
    listed = [*words, "-w", "list", "-d", str(folder), "-u", "nobody"]
    with running(listed, folder / "opentracker.log"):
        until(lambda: _listens(port), 30)
        yield f"http://127.0.0.1:{port}/announce"


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_a_tracker_that_refuses_is_quoted(hasty: Person, shelf: Shelf, tmp_path: Path) -> None:
    with opentracker(tmp_path) as url:
        hasty.is_offered(shelf.torrent.magnet(url))
        ran = hasty.types()

    assert (ran.code, hasty.has) == (4, None)
    assert "127.0.0.1 says: Requested download is not authorized" in ran.end


def test_beside_a_dead_magnet_http_begins_at_once(person: Person, good: FileServer) -> None:
    """With the patience of the real herd, which grants a magnet 30 seconds."""
    person.environ |= ONE_CONNECTION
    with HttpTracker() as tracker:
        person.is_offered(MagnetSource(v1=NOBODY, trackers=(tracker.url,)), good)
        ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert ran.seconds < 25
    assert good.bytes_sent == SIZE
    assert "2.0 MB from 127.0.0.2" in ran.end


def test_a_dead_magnet_that_is_alone_is_given_up_with_its_cause(hasty: Person) -> None:
    with HttpTracker() as tracker:
        hasty.is_offered(MagnetSource(v1=NOBODY, trackers=(tracker.url,)))
        ran = hasty.types()

    assert (ran.code, hasty.has) == (4, None)
    assert len(tracker.announces) >= 1
    assert "nobody gave the metadata within 3 s (127.0.0.1 says: 0 peers; 0 peers seen)" in ran.end


def test_a_peer_that_lies_is_banned_and_the_honest_deliver(person: Person, shelf: Shelf) -> None:
    with (
        Peer(shelf.torrent, CONTENT, poisoned) as liar,
        shelf.seed() as one,
        shelf.seed() as two,
        HttpTracker(liar.address, one.address, two.address) as tracker,
    ):
        person.is_offered(shelf.torrent.magnet(tracker.url))
        ran = person.types()
        honest = one.uploaded + two.uploaded

    assert (ran.code, person.has) == (0, CONTENT)
    assert liar.sent <= SIZE, "what it was asked for before its first piece was whole"
    assert honest <= 1.6 * SIZE, "pieces of which the liar gave a block come again"
    assert "verified." in ran.end


def test_a_swarm_of_liars_ends_and_is_told(hasty: Person, shelf: Shelf) -> None:
    with Peer(shelf.torrent, CONTENT, poisoned) as liar, HttpTracker(liar.address) as tracker:
        hasty.is_offered(shelf.torrent.magnet(tracker.url))
        ran = hasty.types()

    assert (ran.code, hasty.has) == (4, None)
    assert 2 <= liar.visits <= 16, "a fresh session gives a banned peer another chance"
    assert liar.sent <= liar.visits * SIZE
    assert "1 banned for wrong bytes" in ran.end


def test_a_swarm_that_banned_its_only_honest_peer_is_started_afresh(
    hasty: Person, shelf: Shelf
) -> None:
    peer = Peer(shelf.torrent, CONTENT, once(PIECE // BLOCK, poisoned))
    with peer, HttpTracker(peer.address) as tracker:
        hasty.is_offered(shelf.torrent.magnet(tracker.url))
        ran = hasty.types()

    assert (ran.code, hasty.has) == (0, CONTENT)
    assert peer.visits >= 2
    assert peer.sent <= SIZE + 8 * PIECE
    assert "verified." in ran.end


def once(count: int, spoil: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Spoils the first so many blocks."""
    spoilt: list[int] = []

    def spoil_some(block: bytes) -> bytes:
        spoilt.append(len(block))
        return spoil(block) if len(spoilt) <= count else block

    return spoil_some


@pytest.fixture
def huge(shelf: Shelf) -> Torrent:
    """Its info dictionary has 20 MB."""
    content: Any = lt.bdecode(shelf.torrent.raw)
    content[b"info"][b"x"] = bytes(20_000_000)
    return describe(lt.bencode(content))


def test_metadata_of_twenty_megabytes_is_not_taken_from_a_peer(
    hasty: Person, shelf: Shelf, huge: Torrent
) -> None:
    with Peer(huge, CONTENT) as peer, HttpTracker(peer.address) as tracker:
        hasty.is_offered(huge.magnet(tracker.url))
        ran = hasty.types()

    assert (ran.code, hasty.has) == (4, None)
    assert peer.visits >= 1
    assert peer.sent == 0
    assert peer.metadata_sent <= 64 << 20, "libtorrent asks for its first piece again and again"
    assert "nobody gave the metadata" in ran.end
    assert "1 banned for wrong bytes" in ran.end


def test_a_torrent_of_twenty_megabytes_is_refused(person: Person, huge: Torrent) -> None:
    with FileServer(huge.raw) as server:
        person.is_offered(TorrentSource(server.url))
        ran = person.types()
        sent = server.bytes_sent

    assert (ran.code, person.has) == (4, None)
    assert sent <= 11_000_000
    assert "127.0.0.1 has no file of at most 10.0 MB there." in ran.end


def test_alerts_that_are_dropped_lose_nothing(hasty: Person, shelf: Shelf) -> None:
    hasty.environ["HERD_FAULTS_ALERTS"] = "3"
    with (
        shelf.seed() as one,
        shelf.seed() as two,
        HttpTracker(one.address, two.address) as tracker,
    ):
        hasty.is_offered(shelf.torrent.magnet(tracker.url))
        ran = hasty.types()
        assert SIZE <= one.uploaded + two.uploaded <= SIZE + 4 * PIECE

    assert (ran.code, hasty.has) == (0, CONTENT)
    assert "verified." in ran.end


@pytest.fixture
def without_libtorrent(person: Person, tmp_path: Path) -> Person:
    """Whose Python has no libtorrent."""
    (tmp_path / "path").mkdir()
    missing = "raise ModuleNotFoundError(\"No module named 'libtorrent'\", name='libtorrent')\n"
    (tmp_path / "path" / "libtorrent.py").write_text(missing)
    person.environ["PYTHONPATH"] = str(tmp_path / "path")
    return person


def test_without_libtorrent_a_magnet_is_refused_with_what_to_do(
    without_libtorrent: Person, shelf: Shelf
) -> None:
    with HttpTracker() as tracker:
        without_libtorrent.is_offered(shelf.torrent.magnet(tracker.url))
        ran = without_libtorrent.types()

    assert (ran.code, tracker.announces) == (4, [])
    assert "libtorrent is not there" in ran.end
    assert "pip install libtorrent" in ran.end


def test_without_libtorrent_http_delivers(
    without_libtorrent: Person, shelf: Shelf, good: FileServer
) -> None:
    without_libtorrent.environ |= ONE_CONNECTION
    good.faults = Faults(rate=SIZE)
    without_libtorrent.is_offered(shelf.torrent.magnet(), good)

    ran = without_libtorrent.types()

    assert (ran.code, without_libtorrent.has) == (0, CONTENT)
    assert good.bytes_sent == SIZE
    assert "2.0 MB from 127.0.0.2" in ran.end
