"""Where else a magnet says to ask: web seeds (`ws`), its .torrent (`xs`), peers (`x.pe`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import SourceFailed
from herd.model import MagnetSource, UrlSource
from herd.transfer import Delivery
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_watch import SwarmPatience
from tests.tools.http_server import FileServer
from tests.tools.swarm import PIECE, Seed, own_host
from tests.transfer.desk import QUICK, digest
from tests.transfer.swarm_desk import BRISK, CALM, SIZE, SwarmDesk

NOWHERE = ("127.0.0.1", 9)
"""A peer that nobody is; the magnet says by it that its swarm is of this machine."""


def fetch(
    desk: SwarmDesk,
    magnet: MagnetSource,
    patience: SwarmPatience = CALM,
    *,
    is_promised: bool = False,
) -> Delivery:
    """By a carrier that asks no hash table; nobody says how large the file is."""
    carrier = TorrentCarrier(patience, dht=False, interface=own_host(), mirror_patience=QUICK)
    file = desk.promise(magnet)
    return carrier.fetch(
        desk.wish(magnet, file if is_promised else replace(file, size=None, sha256=None))
    )


def test_a_peer_that_the_magnet_names_is_enough(swarm_desk: SwarmDesk) -> None:
    torrent = swarm_desk.torrent()
    with Seed(torrent, swarm_desk.shelf) as seed:
        delivery = fetch(swarm_desk, replace(torrent.magnet(), peers=(seed.address,)))
        assert seed.uploaded >= SIZE
    assert swarm_desk.part == swarm_desk.content
    assert delivery.sha256 == digest(swarm_desk.content)


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_web_seed_that_the_magnet_names_feeds_the_swarm(
    swarm_desk: SwarmDesk, mirror: FileServer, is_folder: bool
) -> None:
    torrent = swarm_desk.torrent()
    seed_at = mirror.url.removesuffix("model.gguf") if is_folder else mirror.url
    with Seed(torrent, swarm_desk.shelf, rate=PIECE) as seed:
        magnet = replace(torrent.magnet(), peers=(seed.address,), web_seeds=(seed_at,))
        delivery = fetch(swarm_desk, magnet)
    assert swarm_desk.part == swarm_desk.content
    given = {share.source: share.size for share in delivery.shares}
    assert given[UrlSource(mirror.url)] > SIZE / 2


def test_the_torrent_that_the_magnet_points_to_needs_no_peer(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    torrent = swarm_desk.torrent()
    with FileServer(torrent.raw, "127.0.0.2") as other:
        delivery = fetch(
            swarm_desk,
            replace(
                torrent.magnet(), peers=(NOWHERE,), web_seeds=(mirror.url,), torrents=(other.url,)
            ),
        )
        assert len(other.requests) == 1
    assert swarm_desk.part == swarm_desk.content
    assert [share.source for share in delivery.shares] == [UrlSource(mirror.url)]


def test_another_torrent_than_the_magnets_is_not_believed(
    swarm_desk: SwarmDesk, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = SwarmDesk(tmp_path / "other")
    with FileServer(other.torrent().raw, "127.0.0.2") as server:
        magnet = replace(swarm_desk.torrent().magnet(), peers=(NOWHERE,), torrents=(server.url,))
        words = r"its \.torrent did not come: it is another torrent than the magnet's\)"
        with pytest.raises(SourceFailed, match=words):
            fetch(swarm_desk, magnet, BRISK)
    assert len(server.requests) == 1


def test_a_web_seed_gives_at_once_what_a_digest_will_judge(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    magnet = replace(swarm_desk.torrent().magnet(), peers=(NOWHERE,), web_seeds=(mirror.url,))
    fetch(swarm_desk, magnet, is_promised=True)
    assert swarm_desk.part == swarm_desk.content


def test_what_nothing_judges_comes_from_a_web_seed_only_when_the_swarm_gives_nothing(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    magnet = replace(swarm_desk.torrent().magnet(), peers=(NOWHERE,), web_seeds=(mirror.url,))
    fetch(swarm_desk, magnet, BRISK)
    assert swarm_desk.part == swarm_desk.content
    assert "nobody gave the metadata" in " ".join(swarm_desk.gauge.said)


def test_a_torrent_in_this_machine_is_not_asked_for_by_a_public_magnet_and_that_is_said(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    magnet = replace(swarm_desk.torrent().magnet(), torrents=(mirror.url,))
    words = r"nobody gave the metadata .*; its \.torrent did not come: .*leads into this machine"
    with pytest.raises(SourceFailed, match=words):
        fetch(swarm_desk, magnet, BRISK)
    assert mirror.requests == []


@pytest.mark.parametrize("is_promised", [False, True])
def test_a_public_magnet_leads_to_no_server_of_this_machine(
    swarm_desk: SwarmDesk, mirror: FileServer, is_promised: bool
) -> None:
    magnet = replace(
        swarm_desk.torrent().magnet(),
        web_seeds=(mirror.url, "http://169.254.169.254/latest"),
        torrents=(mirror.url,),
    )
    with pytest.raises(SourceFailed, match="leads into this machine"):
        fetch(swarm_desk, magnet, BRISK, is_promised=is_promised)
    assert mirror.requests == []


def test_a_local_address_with_a_query_is_not_asked(
    swarm_desk: SwarmDesk, mirror: FileServer
) -> None:
    at = f"{mirror.url}?restart=1"
    magnet = replace(
        swarm_desk.torrent().magnet(), peers=(NOWHERE,), web_seeds=(at,), torrents=(at,)
    )
    with pytest.raises(SourceFailed, match="leads into this machine"):
        fetch(swarm_desk, magnet, BRISK, is_promised=True)
    assert mirror.requests == []
