"""What goes wrong in a swarm, and what becomes of the file: the table of swarm faults."""

from __future__ import annotations

import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from herd.errors import CannotWrite, NoRoom, SourceFailed, SourceRefused
from herd.model import File, InfoHash, MagnetSource, Sha256, SwarmState, TorrentSource
from herd.transfer import swarm_settings
from herd.transfer.swarm import TorrentCarrier
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, own_host
from tests.tools.swarm_peer import Peer, poisoned
from tests.tools.swarm_tracker import HttpTracker
from tests.transfer.desk import within
from tests.transfer.swarm_desk import BRISK, SIZE, SwarmDesk

NOBODY = InfoHash("ab" * 20)


@pytest.fixture
def swarm_desk(tmp_path: Path) -> SwarmDesk:
    return SwarmDesk(tmp_path)


def test_a_dead_magnet_is_given_up_and_its_tracker_is_quoted(swarm_desk: SwarmDesk) -> None:
    with HttpTracker() as tracker, within(10), pytest.raises(SourceFailed) as told:
        swarm_desk.fetch(MagnetSource(v1=NOBODY, trackers=(tracker.url,)), patience=BRISK)
    assert told.value.message == (
        "nobody gave the metadata within 3 s (127.0.0.1 says: 0 peers; 0 peers seen)"
    )


def test_a_tracker_that_refuses_is_quoted(swarm_desk: SwarmDesk) -> None:
    with HttpTracker(refusal="not authorized\x1b[2J") as tracker:
        magnet = swarm_desk.torrent().magnet(tracker.url)
        with pytest.raises(SourceFailed, match=r"127\.0\.0\.1 says: not authorized \[2J;"):
            swarm_desk.fetch(magnet, patience=BRISK)


def test_a_tracker_that_refuses_with_no_text_breaks_nothing(swarm_desk: SwarmDesk) -> None:
    with HttpTracker(refusal=b"\xff\xfe") as tracker:
        magnet = swarm_desk.torrent().magnet(tracker.url)
        with pytest.raises(SourceFailed, match="says: something that is no text;"):
            swarm_desk.fetch(magnet, patience=BRISK)


def test_a_tracker_that_is_down_does_not_keep_another_from_helping(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm:
        down = f"http://127.0.0.1:{_closed_port()}/announce"
        swarm_desk.fetch(torrent.magnet(down, swarm.tracker.url))
    assert swarm_desk.part == swarm_desk.content


def test_seeds_that_leave_in_the_middle_are_waited_for_and_the_rest_is_kept(
    swarm_desk: SwarmDesk,
) -> None:
    torrent = swarm_desk.torrent()
    peer = Peer(torrent, swarm_desk.content, quits_after=SIZE // 2)
    with peer, HttpTracker(peer.address) as tracker:
        magnet = torrent.magnet(tracker.url)
        with pytest.raises(SourceFailed, match="nothing came for 3 s") as told:
            swarm_desk.fetch(magnet, patience=BRISK)
    assert "what was fetched is kept" in (told.value.hint or "")
    with swarm_desk.swarm(torrent) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
        assert swarm.uploaded < SIZE
    assert swarm_desk.part == swarm_desk.content


def test_a_withdrawn_magnet_is_not_asked(swarm_desk: SwarmDesk) -> None:
    with HttpTracker() as tracker:
        magnet = MagnetSource(
            v1=NOBODY, trackers=(tracker.url,), state=SwarmState.REVOKED, note="it never loaded"
        )
        with pytest.raises(SourceRefused, match="it was withdrawn: it never loaded"):
            swarm_desk.fetch(magnet)
        assert tracker.announces == []


def test_a_poisoner_is_banned_and_the_file_comes_from_the_honest(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with Peer(torrent, swarm_desk.content, poisoned) as liar, swarm_desk.swarm(torrent) as swarm:
        swarm.tracker.peers.insert(0, liar.address)
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
    assert swarm_desk.part == swarm_desk.content


def test_a_swarm_of_poisoners_ends_and_is_named(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with Peer(torrent, swarm_desk.content, poisoned) as liar, HttpTracker(liar.address) as tracker:
        with pytest.raises(SourceFailed, match="1 banned for wrong bytes"), within(30):
            swarm_desk.fetch(torrent.magnet(tracker.url), patience=BRISK)
        # A fresh session gives a banned peer another chance, and the second piece ends it.
        assert liar.visits >= 2
    assert not swarm_desk.staged.part.exists()


def test_a_swarm_whose_only_seed_was_banned_is_started_afresh(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    spoilt: list[bytes] = []
    trails: set[int] = set()

    def spoil_once(block: bytes) -> bytes:
        spoilt.append(block)
        trails.add([each.name for each in threading.enumerate()].count("herd-trail"))
        return poisoned(block) if len(spoilt) <= PIECE // (16 * 1024) else block

    peer = Peer(torrent, swarm_desk.content, spoil_once)
    with peer, HttpTracker(peer.address) as tracker, within(30):
        swarm_desk.fetch(torrent.magnet(tracker.url))
        assert peer.visits >= 2
    assert max(trails) == 1, "nothing is left of the session before"
    assert swarm_desk.part == swarm_desk.content


def test_a_swarm_of_another_file_of_the_same_size_is_a_mismatch(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm:
        source = torrent.magnet(swarm.tracker.url)
        delivery = swarm_desk.fetch(source, File("model.gguf", (source,), SIZE, Sha256("0" * 64)))
    assert delivery.sha256 != "0" * 64


def test_the_end_of_the_disk_is_said_at_once_and_the_rest_is_kept(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm:
        magnet = torrent.magnet(swarm.tracker.url)
        with _largest_file(SIZE // 2), within(10), pytest.raises(NoRoom, match="disk is full"):
            swarm_desk.fetch(magnet)
        assert swarm_desk.inside.exists()
        swarm_desk.fetch(magnet)
    assert swarm_desk.part == swarm_desk.content


def test_alerts_that_are_dropped_lose_nothing(
    swarm_desk: SwarmDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(swarm_settings._BOUNDS, "alert_queue_size", 3)
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent, seeds=3) as swarm:
        swarm_desk.fetch(torrent.magnet(swarm.tracker.url))
    assert swarm_desk.part == swarm_desk.content


def test_a_place_that_cannot_be_written_is_said_before_any_network(swarm_desk: SwarmDesk) -> None:
    swarm_desk.staged.part.parent.write_text("a file where the folder should be")
    torrent = swarm_desk.torrent()
    path = swarm_desk.folder / "some.torrent"
    with HttpTracker() as tracker:
        path.write_bytes(swarm_desk.torrent(tracker.url).raw)
        with pytest.raises(CannotWrite):
            swarm_desk.fetch(TorrentSource(str(path)))
        assert tracker.announces == []
    assert torrent.v1


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(status=404), "does not have the file"),
        (Faults(location="/again"), "redirects in circles"),
        (Faults(end_after=100), "stopped before the end|broke the connection off"),
    ],
)
def test_a_web_server_without_the_torrent_is_named(
    swarm_desk: SwarmDesk, faults: Faults, words: str
) -> None:
    with FileServer(swarm_desk.torrent().raw) as server:
        server.faults = faults
        server.redirects["/again"] = "/again"
        with pytest.raises(SourceFailed, match=words):
            swarm_desk.fetch(TorrentSource(server.url))


def test_a_torrent_that_is_not_there_is_said(swarm_desk: SwarmDesk) -> None:
    with pytest.raises(SourceRefused, match=r"nowhere\.torrent cannot be read: no such file"):
        swarm_desk.fetch(TorrentSource(str(swarm_desk.folder / "nowhere.torrent")))


def test_without_libtorrent_torrents_are_refused_with_a_hint(
    swarm_desk: SwarmDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.transfer.torrent.lt", None)
    with pytest.raises(SourceRefused, match="libtorrent is not there") as told:
        swarm_desk.fetch(MagnetSource(v1=NOBODY))
    assert "pip install libtorrent" in (told.value.hint or "")


def test_nobody_is_let_in(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    host = own_host()
    heard: list[bytes] = []

    class Calling(HttpTracker):
        """Calls back whoever announces, as any peer might."""

        def answer(self) -> bytes:
            if len(self.announces) == 1:
                port = int(self.announces[0]["port"][0])
                heard.append(_called(host, port, bytes.fromhex(torrent.v1 or "")))
            return super().answer()

    with swarm_desk.swarm(torrent) as swarm, Calling(swarm.seeds[0].address) as tracker:
        TorrentCarrier(interface=host).fetch(swarm_desk.wish(torrent.magnet(tracker.url)))
    assert heard == [b""]


def _called(host: str, port: int, info_hash: bytes) -> bytes:
    """What a peer of herd's hears from it after a proper handshake."""
    try:
        with socket.create_connection((host, port), 5) as caller:
            caller.sendall(
                b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-XX0000-" + b"x" * 12
            )
            return caller.recv(68)
    except ConnectionError:
        return b""


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
