"""Installed files are given away straight from the store, and only what may be."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest

from herd import magnet
from herd.core import Herd
from herd.errors import BadUsage, Interrupted, LicenceNotAccepted
from herd.install import Order
from herd.model import File, HfSource, Installed, Licence, MagnetSource, UrlSource
from herd.pieces import PIECE, Table
from herd.progress import Gauge
from herd.share import Making, Share, Terms
from herd.staging import Staged
from herd.transfer.carrier import Wish
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_settings import Sharing
from herd.transfer.swarm_watch import Given, SwarmPatience
from tests.tools.fakes import FakeCarrier, digest, herd_at, registry_text
from tests.tools.swarm import noise, own_host
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until

URL = "https://models.example.org/tiny.gguf"
CONTENT = b"GGUF" + noise(3_000_000, seed=5)


@pytest.fixture
def herd(tmp_path: Path) -> Herd:
    folder = tmp_path / "registries"
    folder.mkdir()
    (folder / "test.yaml").write_text(registry_text(URL, CONTENT))
    return herd_at(tmp_path, FakeCarrier({URL: CONTENT}))


@pytest.fixture
def tiny(herd: Herd) -> Installed:
    return herd.installer.install(Order(herd.choose("tiny"))).installed


def fetched(tmp_path: Path, text: str) -> bytes:
    """What another person gets by pasting a magnet."""
    found = magnet.parse(text)
    source = found.source
    file = File("tiny.gguf", (source,), found.size)
    staged = Staged(tmp_path / "theirs" / "x.part")
    patience = SwarmPatience(metadata=30, stalled=30, tick=0.02)
    TorrentCarrier(patience, interface=own_host()).fetch(Wish(file, source, staged))
    return staged.part.read_bytes()


@pytest.mark.parametrize("is_v2", [False, True])
def test_another_herd_gets_it_by_the_magnet(
    herd: Herd, tiny: Installed, tmp_path: Path, is_v2: bool
) -> None:
    host = own_host()
    with HttpTracker() as tracker:
        (offer,) = herd.sharer.offers(tiny, Making((tracker.url,), is_v2=is_v2))
        with Share((offer,), herd.sharer.blob, Sharing(host), Terms()) as sharing:
            until(lambda: tracker.announces != [])
            tracker.peers.append((host, sharing.port))
            assert fetched(tmp_path, offer.magnet) == CONTENT
            assert sharing.look()[0].uploaded == len(CONTENT)
            assert sharing.trackers == {tracker.url: "0 peers"}


@pytest.mark.parametrize("is_v2", [False, True])
def test_what_came_out_of_a_v1_swarm_is_shared_as_anything_else(
    herd: Herd, tiny: Installed, is_v2: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    making = Making(("http://tracker.example/a",), is_v2=is_v2)
    (before,) = herd.sharer.offers(tiny, making)
    file = tiny.files[0]
    one = hashlib.sha1(CONTENT, usedforsecurity=False).digest()
    herd.store.keep_table(file.sha256, Table(file.size, PIECE, one, is_flat=True))
    for kept in herd.places.cache.rglob("*.sha1"):
        kept.unlink()
    (after,) = herd.sharer.offers(tiny, making)
    assert after.made.raw == before.made.raw


@pytest.mark.parametrize("is_v2", [False, True])
def test_a_neighbour_without_any_tracker_gets_it_by_a_magnet_that_names_this_machine(
    herd: Herd, tiny: Installed, tmp_path: Path, is_v2: bool
) -> None:
    how = Sharing(own_host(), is_lan_only=True)
    (offer,) = herd.sharer.offers(tiny, Making(("http://tracker.example/a",), is_v2=is_v2))
    with Share((offer,), herd.sharer.blob, how, Terms()) as sharing:
        text = offer.near(sharing.neighbours())
        assert magnet.parse(text).source.peers == ((how.interface, sharing.port),)
        assert magnet.parse(text).source.trackers == ()
        assert fetched(tmp_path, text) == CONTENT


@pytest.mark.parametrize("words", [b"go\x1b[2Jaway", b"\xff\xfe"])
def test_what_a_tracker_says_is_one_line_of_text(herd: Herd, tiny: Installed, words: bytes) -> None:
    with HttpTracker(refusal=words) as tracker:
        (offer,) = herd.sharer.offers(tiny, Making((tracker.url,)))
        with Share((offer,), herd.sharer.blob, Sharing(own_host()), Terms()) as sharing:
            until(lambda: bool(sharing.look() and sharing.trackers))
            assert sharing.trackers[tracker.url] in ("go [2Jaway", "something that is no text")


def test_the_same_file_is_the_same_torrent_on_every_machine(
    herd: Herd, tiny: Installed, tmp_path: Path
) -> None:
    (first,) = herd.sharer.offers(tiny, Making())
    (again,) = herd.sharer.offers(tiny, Making(gauge=(gauge := Gauge())))
    assert first.made.magnet == again.made.magnet
    assert gauge.read().total is None  # nothing was hashed a second time


def test_nothing_is_written_to_the_store_and_a_damaged_file_is_not_given_away(
    herd: Herd, tiny: Installed
) -> None:
    (offer,) = herd.sharer.offers(tiny, Making())
    blob = herd.sharer.blob(offer)
    blob.chmod(0o644)
    damaged = b"GGUF" + bytes(len(CONTENT) - 4)
    blob.write_bytes(damaged)
    blob.chmod(0o444)
    host = own_host()
    with Share((offer,), herd.sharer.blob, Sharing(host), Terms()) as sharing:
        lee = lt.session({"listen_interfaces": f"{own_host()}:0", "enable_dht": False})
        params = lt.load_torrent_buffer(offer.made.raw)
        params.save_path = str(blob.parent.parent)
        params.flags = lt.torrent_flags.sequential_download
        params.peers = [(host, sharing.port)]
        lee.add_torrent(params)
        until(lambda: sharing.look()[0].is_over, 20)
        assert sharing.look()[0].uploaded == 0
        del lee
    assert blob.read_bytes() == damaged


def test_a_licence_that_forbids_it_is_obeyed(herd: Herd, tiny: Installed) -> None:
    bound = replace(tiny, licence=Licence("research-only", is_redistributable=False))
    with pytest.raises(LicenceNotAccepted, match="does not allow to pass it on"):
        herd.sharer.offers(bound, Making())
    herd.store.record(bound)
    assert herd.sharer.sharable() == ()


def test_a_tracker_that_is_none_is_refused(herd: Herd, tiny: Installed) -> None:
    with pytest.raises(BadUsage, match="file:///etc/passwd is no tracker: it does not begin"):
        herd.sharer.offers(tiny, Making(("file:///etc/passwd",)))


def test_making_a_torrent_can_be_stopped(herd: Herd, tiny: Installed) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        herd.sharer.offers(tiny, Making(stop=stop))


def test_the_mirrors_of_the_registry_are_web_seeds(herd: Herd, tiny: Installed) -> None:
    (offer,) = herd.sharer.offers(tiny, Making(has_web_seeds=True))
    content: Any = lt.bdecode(offer.made.raw)
    assert content[b"url-list"] == [URL.encode()]


def test_where_it_came_from_is_a_web_seed_where_all_may_know_it(
    herd: Herd, tiny: Installed
) -> None:
    hub = HfSource("some/repo", "a" * 40, "m.gguf")
    came_from = (
        UrlSource("https://files.example.org/m.gguf"),
        UrlSource("https://files.example.org/m.gguf?token=secret"),
        UrlSource("http://me:word@files.example.org/m.gguf"),
        UrlSource("http://192.168.1.5/m.gguf"),
        hub,
    )
    own = replace(
        tiny,
        registry=None,
        files=tuple(replace(each, sources=came_from) for each in tiny.files),
    )
    (offer,) = herd.sharer.offers(own, Making(has_web_seeds=True))
    content: Any = lt.bdecode(offer.made.raw)
    assert content[b"url-list"] == [
        b"https://files.example.org/m.gguf",
        hub.url().encode(),
    ]


def test_a_share_ends_when_enough_went_out_or_enough_time_is_over() -> None:
    assert Terms(ratio=2).is_met(Given(200, 1), size=100, seconds=0)
    assert not Terms(ratio=2).is_met(Given(199, 1), size=100, seconds=1e9)
    assert Terms(seconds=60).is_met(Given(0, 0), size=100, seconds=60)
    assert not Terms().is_met(Given(1 << 60, 0), size=1, seconds=1e9)


def test_a_share_that_is_over_lets_go(herd: Herd, tiny: Installed) -> None:
    (offer,) = herd.sharer.offers(tiny, Making())
    with Share((offer,), herd.sharer.blob, Sharing(own_host()), Terms(seconds=0)) as sharing:
        until(lambda: sharing.look()[0].is_over)


@pytest.fixture
def announced(herd: Herd, tiny: Installed) -> Callable[[Sharing], bool]:
    """Whether a tracker of this machine hears of a share."""

    def share(how: Sharing) -> bool:
        with HttpTracker() as tracker:
            (offer,) = herd.sharer.offers(tiny, Making((tracker.url,)))
            with Share((offer,), herd.sharer.blob, how, Terms()):
                until(lambda: tracker.announces != [])
            return bool(tracker.announces)

    return share


def test_on_the_own_network_its_trackers_are_told(announced: Callable[[Sharing], bool]) -> None:
    assert announced(Sharing(own_host(), is_lan_only=True))


def test_the_digest_of_what_is_given_away_is_the_blobs(herd: Herd, tiny: Installed) -> None:
    (offer,) = herd.sharer.offers(tiny, Making())
    assert offer.file.sha256 == digest(CONTENT)
    assert isinstance(offer.made.magnet, MagnetSource)
