"""What goes wrong in a swarm beyond the table of tests/faults."""

from __future__ import annotations

import socket

import pytest

from herd.errors import CannotWrite, SourceFailed, SourceRefused
from herd.model import File, InfoHash, MagnetSource, Sha256, SwarmState, TorrentSource
from herd.transfer.swarm import TorrentCarrier
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import own_host
from tests.tools.swarm_peer import Peer
from tests.tools.swarm_tracker import HttpTracker
from tests.transfer.swarm_desk import BRISK, SIZE, SwarmDesk

NOBODY = InfoHash("ab" * 20)


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


def test_a_swarm_of_another_file_of_the_same_size_is_a_mismatch(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm:
        source = torrent.magnet(swarm.tracker.url)
        delivery = swarm_desk.fetch(source, File("model.gguf", (source,), SIZE, Sha256("0" * 64)))
    assert delivery.sha256 != "0" * 64


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
