"""One transfer fed by peers and by mirrors, which libtorrent meets as web seeds on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest

from herd.errors import DigestMismatch, Interrupted
from herd.model import InfoHash, MagnetSource, Source, TorrentSource, UrlSource
from herd.transfer import Delivery, Transfer, seam_aside
from herd.transfer.budget import Budget
from herd.transfer.carrier import EachFailed, Share, Wish
from herd.transfer.patience import Patience
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_watch import SwarmPatience
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, own_host
from tests.tools.swarm_peer import Peer, poisoned
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.desk import QUICK, digest, within
from tests.transfer.swarm_desk import BRISK, CALM, SIZE, SwarmDesk

PATIENT = replace(QUICK, first_byte=10, slow_for=10, attempts=8)
"""For mirrors that must not be given up."""


@pytest.fixture
def other(swarm_desk: SwarmDesk) -> Iterator[FileServer]:
    with FileServer(swarm_desk.content, "127.0.0.2") as running:
        yield running


def fetch(
    desk: SwarmDesk,
    swarm: Source,
    *mirrors: FileServer,
    patience: SwarmPatience = CALM,
    mirror_patience: Patience = PATIENT,
) -> Delivery:
    carrier = TorrentCarrier(patience, interface=own_host(), mirror_patience=mirror_patience)
    sources = tuple(UrlSource(each.url) for each in mirrors)
    file = desk.promise(swarm, *sources)
    wish = Wish(file, swarm, desk.staged, desk.gauge, desk.stop, sources)
    return carrier.fetch(wish)


def torrent_source(desk: SwarmDesk, *trackers: str, version: int = 1) -> TorrentSource:
    path = desk.folder / "some.torrent"
    path.write_bytes(desk.torrent(*trackers, version=version).raw)
    return TorrentSource(str(path))


def seeded(desk: SwarmDesk, web: FileServer) -> TorrentSource:
    """A .torrent that names a server as its web seed."""
    content: Any = lt.bdecode(desk.torrent().raw)
    content[b"url-list"] = web.url.encode()
    path = desk.folder / "seeded.torrent"
    path.write_bytes(lt.bencode(content))
    return TorrentSource(str(path))


def given(delivery: Delivery) -> dict[Source, int]:
    return {share.source: share.size for share in delivery.shares}


@pytest.mark.parametrize("version", [1, 2, 12])
def test_mirrors_alone_feed_a_swarm_in_which_nobody_is(
    swarm_desk: SwarmDesk, mirror: FileServer, version: int
) -> None:
    delivery = fetch(swarm_desk, torrent_source(swarm_desk, version=version), mirror)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.sha256 == digest(swarm_desk.content)
    assert given(delivery) == {UrlSource(mirror.url): SIZE}
    assert mirror.bytes_sent <= SIZE + PIECE


def test_peers_and_mirrors_feed_it_together(swarm_desk: SwarmDesk, mirror: FileServer) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent, rate=20 * PIECE) as swarm:
        mirror.faults = Faults(stall_after=4 * PIECE, times=1)
        source = torrent_source(swarm_desk, swarm.tracker.url)
        delivery = fetch(swarm_desk, source, mirror)
        assert swarm.uploaded > 0
    shares = given(delivery)
    assert shares[source] + shares[UrlSource(mirror.url)] == SIZE
    assert shares[UrlSource(mirror.url)] >= PIECE
    assert "1 peer + 1 mirror" in swarm_desk.gauge.sources


def test_a_slow_mirror_does_not_hold_fast_peers_up(
    swarm_desk: SwarmDesk, mirror: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seam_aside, "FAST", 1)
    monkeypatch.setattr(seam_aside, "FAIR", 0.1)
    mirror.faults = Faults(rate=PIECE // 8)
    with swarm_desk.swarm(swarm_desk.torrent()) as swarm:
        fetch(swarm_desk, torrent_source(swarm_desk, swarm.tracker.url), mirror)
    assert swarm_desk.part == swarm_desk.content
    assert mirror.bytes_sent < PIECE


def test_two_mirrors_share_the_work(tmp_path: Path) -> None:
    desk = SwarmDesk(tmp_path, size=100 * PIECE)
    with FileServer(desk.content) as mirror, FileServer(desk.content, "127.0.0.2") as other:
        delivery = fetch(desk, torrent_source(desk), mirror, other)
        assert set(given(delivery)) == {UrlSource(mirror.url), UrlSource(other.url)}
        assert mirror.bytes_sent + other.bytes_sent <= 1.15 * len(desk.content)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(reset_after=3 * PIECE),
        Faults(end_after=3 * PIECE),
        Faults(splits_ranges=PIECE // 2),
        Faults(status=503, headers={"Retry-After": "0"}, times=3),
        Faults(status=429, times=3),
        Faults(stall_after=2 * PIECE, times=2),
    ],
    ids=["resets", "short bodies", "short ranges", "503", "429", "stalls"],
)
def test_what_a_mirror_suffers_is_mended_inside_the_range(
    swarm_desk: SwarmDesk, mirror: FileServer, faults: Faults
) -> None:
    mirror.faults = faults
    patience = replace(PATIENT, slow_for=0.3, first_byte=1)
    delivery = fetch(swarm_desk, torrent_source(swarm_desk), mirror, mirror_patience=patience)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.liars == ()
    # Resets throw away what the system had not handed over yet.
    assert mirror.bytes_sent <= 1.5 * SIZE


def test_a_link_that_expires_is_resolved_again(swarm_desk: SwarmDesk, mirror: FileServer) -> None:
    mirror.signs = True
    mirror.faults = Faults(splits_ranges=2 * PIECE)
    fetch(swarm_desk, torrent_source(swarm_desk), mirror)
    assert swarm_desk.part == swarm_desk.content


def test_a_mirror_that_lies_costs_one_piece_and_is_named(
    swarm_desk: SwarmDesk, mirror: FileServer, other: FileServer
) -> None:
    mirror.content = bytes(each ^ 0xFF for each in swarm_desk.content)
    delivery = fetch(swarm_desk, torrent_source(swarm_desk), mirror, other)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.liars == (UrlSource(mirror.url),)
    assert given(delivery) == {UrlSource(other.url): SIZE}
    assert mirror.bytes_sent <= PIECE
    assert other.bytes_sent <= SIZE + PIECE


def test_beside_peers_a_mirror_that_lies_costs_one_piece_as_well(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.content = bytes(each ^ 0xFF for each in swarm_desk.content)
    with swarm_desk.swarm(swarm_desk.torrent(), rate=8 * PIECE) as swarm:
        delivery = fetch(swarm_desk, torrent_source(swarm_desk, swarm.tracker.url), mirror)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.liars == (UrlSource(mirror.url),)
    assert mirror.bytes_sent <= PIECE


def test_a_swarm_whose_every_source_lies_ends_and_says_so(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    torrent = swarm_desk.torrent()
    mirror.content = bytes(each ^ 0xFF for each in swarm_desk.content)
    with (
        Peer(torrent, swarm_desk.content, poisoned) as liar,
        HttpTracker(liar.address) as tracker,
        pytest.raises(EachFailed) as told,
        within(40),
    ):
        fetch(swarm_desk, torrent_source(swarm_desk, tracker.url), mirror, patience=BRISK)
    assert "127.0.0.1 gave wrong bytes" in told.value.message
    assert "1 banned for wrong bytes" in told.value.message


def test_a_mirror_with_another_file_is_left_out_before_a_byte_of_it(
    swarm_desk: SwarmDesk, mirror: FileServer, other: FileServer
) -> None:
    mirror.content = swarm_desk.content + b"more"
    delivery = fetch(swarm_desk, torrent_source(swarm_desk), mirror, other)
    assert given(delivery) == {UrlSource(other.url): SIZE}
    assert delivery.liars == ()


def test_a_mirror_that_sends_all_or_nothing_need_not_wait_for_a_swarm_in_which_nobody_is(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.faults = Faults(ignores_ranges=True)
    patience = replace(CALM, stalled=1e6, aside=0.2)
    delivery = fetch(swarm_desk, torrent_source(swarm_desk), mirror, patience=patience)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.sha256 == digest(swarm_desk.content)


def test_nor_need_a_web_seed_of_a_torrent_that_sends_all_or_nothing(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.faults = Faults(ignores_ranges=True)
    patience = replace(CALM, stalled=1e6, aside=0.2)
    delivery = fetch(swarm_desk, seeded(swarm_desk, mirror), patience=patience)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.sha256 == digest(swarm_desk.content)


def test_a_web_seed_of_the_whole_file_that_lies_is_found_by_the_digest(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.faults = Faults(ignores_ranges=True)
    mirror.content = bytes(each ^ 0xFF for each in swarm_desk.content)
    patience = replace(CALM, stalled=1e6, aside=0.2)
    with pytest.raises(DigestMismatch):
        fetch(swarm_desk, seeded(swarm_desk, mirror), patience=patience)


def test_nor_does_it_take_the_file_from_a_swarm_that_gives(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.faults = Faults(ignores_ranges=True)
    torrent = swarm_desk.torrent()
    patience = replace(CALM, aside=20)
    with Peer(torrent, swarm_desk.content) as peer, HttpTracker(peer.address) as tracker:
        source = torrent_source(swarm_desk, tracker.url)
        delivery = fetch(swarm_desk, source, mirror, patience=patience)
    assert given(delivery) == {source: SIZE}


def test_mirrors_deliver_while_nobody_gives_the_metadata(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    magnet = MagnetSource(v1=InfoHash("ab" * 20))
    with HttpTracker() as tracker, within(20):
        fetch(swarm_desk, replace(magnet, trackers=(tracker.url,)), mirror)
    assert swarm_desk.part == swarm_desk.content


def test_a_dead_magnet_and_dead_mirrors_are_each_told(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    mirror.faults = Faults(status=404)
    magnet = MagnetSource(v1=InfoHash("ab" * 20))
    with HttpTracker() as tracker, pytest.raises(EachFailed) as told:
        fetch(swarm_desk, replace(magnet, trackers=(tracker.url,)), mirror, patience=BRISK)
    assert "nobody gave the metadata within 3 s" in told.value.message
    assert "127.0.0.1 does not have the file (404)" in told.value.message


def test_a_stop_ends_it_within_a_second(swarm_desk: SwarmDesk, mirror: FileServer) -> None:
    mirror.faults = Faults(stall_after=PIECE // 2)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            fetch(swarm_desk, torrent_source(swarm_desk), mirror)
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: mirror.bytes_sent >= PIECE // 2)
    with within(1.0):
        swarm_desk.stop.set()
        thread.join()
    assert ended
    swarm_desk.stop.clear()
    mirror.faults = Faults()
    fetch(swarm_desk, torrent_source(swarm_desk), mirror)
    assert swarm_desk.part == swarm_desk.content


def test_a_limit_holds_for_peers_and_mirrors_together(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    torrent = swarm_desk.torrent()
    budget = Budget(10 * PIECE)
    with swarm_desk.swarm(torrent) as swarm:
        source = torrent_source(swarm_desk, swarm.tracker.url)
        wish = replace(swarm_desk.wish(source), others=(UrlSource(mirror.url),), budget=budget)
        carrier = TorrentCarrier(CALM, interface=own_host(), mirror_patience=PATIENT)
        begun = time.monotonic()
        carrier.fetch(wish)
    # Two seconds' worth; buffers of the system let the first pieces through at once.
    assert time.monotonic() - begun > 1.0
    assert swarm_desk.part == swarm_desk.content


def test_the_web_seeds_of_a_torrent_are_mirrors_as_well(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    delivery = fetch(swarm_desk, seeded(swarm_desk, mirror))
    assert given(delivery) == {UrlSource(mirror.url): SIZE}


def test_an_address_that_the_registry_names_and_the_torrent_too_is_one_mirror(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    delivery = fetch(swarm_desk, seeded(swarm_desk, mirror), mirror)
    assert swarm_desk.part == swarm_desk.content
    assert delivery.shares == (Share(UrlSource(mirror.url), SIZE),)
    assert not any("2 mirrors" in each for each in swarm_desk.gauge.sources)


def test_a_swarm_and_addresses_of_one_file_are_one_transfer(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    torrent = swarm_desk.torrent()
    with swarm_desk.swarm(torrent) as swarm:
        magnet = torrent.magnet(swarm.tracker.url)
        file = swarm_desk.promise(UrlSource(mirror.url), magnet)
        fetched = Transfer({MagnetSource: TorrentCarrier(CALM, interface=own_host())}).fetch(
            file, swarm_desk.staged, swarm_desk.gauge, swarm_desk.stop
        )
    assert {share.source for share in fetched.shares} <= {UrlSource(mirror.url), magnet}
    assert swarm_desk.part == swarm_desk.content


def test_without_libtorrent_the_mirrors_deliver(
    swarm_desk: SwarmDesk, mirror: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.transfer.torrent.lt", None)
    fetch(swarm_desk, MagnetSource(v1=InfoHash("ab" * 20)), mirror)
    assert swarm_desk.part == swarm_desk.content


def test_a_torrent_of_another_file_leaves_the_mirrors_to_deliver(
    swarm_desk: SwarmDesk, mirror: FileServer, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    strange = torrent_source(SwarmDesk(tmp_path / "other", size=SIZE - 1))
    fetch(swarm_desk, strange, mirror)
    assert swarm_desk.part == swarm_desk.content


def test_a_torrent_whose_halves_disagree_is_no_trouble_of_the_disk_and_the_mirrors_deliver(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    content: Any = lt.bdecode(swarm_desk.torrent(version=12).raw)
    content[b"info"][b"pieces"] = bytes(len(content[b"info"][b"pieces"]))
    path = swarm_desk.folder / "torn.torrent"
    path.write_bytes(lt.bencode(content))
    delivery = fetch(swarm_desk, TorrentSource(str(path)), mirror)
    assert swarm_desk.part == swarm_desk.content
    assert "the torrent does not hold together" in delivery.failed[0][1].message


def test_a_kill_in_the_middle_costs_little(swarm_desk: SwarmDesk, mirror: FileServer) -> None:
    """What a killed fetch left is checked against the pieces and goes on."""
    source = torrent_source(swarm_desk)
    folder = swarm_desk.inside.parent
    folder.mkdir(parents=True)
    kept = 12 * PIECE
    torn = swarm_desk.content[:kept] + bytes(PIECE) + swarm_desk.content[kept + PIECE : -PIECE]
    swarm_desk.inside.write_bytes(torn)
    delivery = fetch(swarm_desk, source, mirror)
    assert swarm_desk.part == swarm_desk.content
    assert mirror.bytes_sent <= 4 * PIECE
    assert sum(given(delivery).values()) <= 3 * PIECE
