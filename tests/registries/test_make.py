"""A registry of a folder of models: what a publisher puts at an address."""

from __future__ import annotations

import threading
from pathlib import Path

import libtorrent as lt
import pytest

from herd import magnet
from herd.errors import BadUsage, Interrupted
from herd.model import MagnetSource, TorrentSource, UrlSource
from herd.pieces import piece_size_of
from herd.progress import Gauge
from herd.registries.make import Brief, make
from herd.registry import schema
from tests.tools.fakes import digest
from tests.tools.foreign import need, running
from tests.tools.index import Index
from tests.tools.swarm import describe, make_torrent, noise
from tests.tools.tiny_gguf import Tiny, write
from tests.tools.wait import until

BASE = "https://files.school.example/models/"
ALONE = ("--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--no-conf=true")
TRACKER = "udp://tracker.school.example:1337/announce"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "models"
    place.mkdir()
    write(place / "Tiny-F32.gguf")
    write(place / "Tiny-Q8_0.gguf", Tiny(seed=2))
    write(place / "Other 1.gguf", Tiny(seed=3, template=None))
    (place / "notes.txt").write_text("nothing")
    (place / "broken.gguf").write_bytes(b"GGUF and then nothing")
    return place


def test_every_model_has_its_digest_its_size_and_its_address(folder: Path) -> None:
    made = make(folder, Brief(BASE, "school"), today=lambda: "2026-11-25")

    layer = schema.read(made.text.encode(), "registry.yaml")
    assert (layer.name, layer.updated) == ("school", "2026-11-25")
    assert [model.name for model in layer.models] == ["other-1", "tiny"]
    tiny = layer.models[1]
    assert [each.name for each in tiny.variants] == ["f32", "q8_0"]
    (file,) = tiny.variants[0].files
    content = (folder / "Tiny-F32.gguf").read_bytes()
    assert (file.size, file.sha256) == (len(content), digest(content))
    assert file.sources == (UrlSource(f"{BASE}Tiny-F32.gguf"),)
    other = layer.models[0].variants[0].files[0].sources[0]
    assert other == UrlSource(f"{BASE}Other%201.gguf")


def test_what_the_file_says_of_itself_is_in_its_entry(folder: Path) -> None:
    models = make(folder, Brief(BASE)).models

    tiny = next(model for model in models if model.name == "tiny")
    other = next(model for model in models if model.name == "other-1")
    assert (tiny.title, tiny.family, tiny.context, tiny.role) == ("tiny", "llama", 4096, "chat")
    assert other.role == "base", "a file without a template was not taught to answer"
    assert tiny.licence.id == "unknown"
    assert make(folder, Brief(BASE, licence="MIT")).models[0].licence.commercial == "open"


def test_what_is_no_model_is_told(folder: Path) -> None:
    (sentence,) = make(folder, Brief(BASE)).skipped

    assert sentence.startswith("broken.gguf is left out: ")


def test_a_torrent_of_the_second_version_has_the_address_as_its_web_seed(folder: Path) -> None:
    brief = Brief(BASE, has_torrents=True, trackers=(TRACKER,))
    made = make(folder / "Tiny-F32.gguf", brief)

    (published,) = made.files
    assert published.torrent is not None
    read = lt.load_torrent_buffer(published.torrent)
    hashes = describe(published.torrent)
    url, swarm, address = published.file.sources
    assert isinstance(url, UrlSource)
    assert read.trackers == [TRACKER]
    assert b"8:url-listl%d:%be" % (len(url.url), url.url.encode()) in published.torrent
    assert isinstance(swarm, MagnetSource)
    assert (swarm.v1, swarm.v2) == (None, hashes.v2)
    assert address == TorrentSource(f"{url.url}.torrent")
    assert published.magnet is not None
    found = magnet.parse(published.magnet)
    assert (found.source.v2, found.source.trackers) == (hashes.v2, (TRACKER,))
    seed = "https%3A%2F%2Ffiles.school.example%2Fmodels%2FTiny-F32.gguf"
    assert published.magnet.endswith(f"&ws={seed}")


@pytest.fixture
def long(folder: Path) -> Path:
    """A model of several pieces."""
    path = write(folder / "Long-Q4_0.gguf")
    with path.open("ab") as stream:
        stream.write(noise(9_000_000, 1))
    return path


def test_a_hybrid_torrent_is_the_one_that_libtorrent_makes(long: Path) -> None:
    brief = Brief(BASE, has_torrents=True, is_hybrid=True, trackers=(TRACKER,))

    (published,) = make(long, brief).files

    assert published.torrent is not None
    ours = describe(published.torrent)
    theirs = make_torrent(long, version=12, piece=piece_size_of(long.stat().st_size))
    assert (ours.v1, ours.v2) == (theirs.v1, theirs.v2)
    swarm, text = published.file.sources[1], magnet.parse(published.magnet or "").source
    assert isinstance(swarm, MagnetSource)
    assert (swarm.v1, swarm.v2) == (text.v1, text.v2) == (theirs.v1, theirs.v2)


def test_aria2c_which_knows_v1_alone_takes_a_hybrid_torrent_and_proves_its_pieces(
    folder: Path, long: Path
) -> None:
    need("aria2c")
    torrent, theirs = folder / "it.torrent", folder / "theirs"
    with Index(folder) as server:
        brief = Brief(server.url, has_torrents=True, is_hybrid=True)
        (published,) = make(long, brief).files
        assert published.torrent is not None
        torrent.write_bytes(published.torrent)
        fetching = ["aria2c", *ALONE, "--seed-time=0", f"--dir={theirs}", str(torrent)]
        with running(fetching, folder / "aria2.log") as process:
            until(lambda: process.poll() is not None, 60)

    assert process.returncode == 0
    assert (theirs / long.name).read_bytes() == long.read_bytes()


def test_shards_become_one_variant_in_order(tmp_path: Path) -> None:
    for number in (2, 1):
        write(tmp_path / f"Big-Q4_0-0000{number}-of-00002.gguf", Tiny(seed=number))

    (model,) = make(tmp_path, Brief(BASE)).models

    names = [file.name for file in model.variants[0].files]
    assert names == ["Big-Q4_0-00001-of-00002.gguf", "Big-Q4_0-00002-of-00002.gguf"]


def test_the_gauge_moves_through_all_bytes(folder: Path) -> None:
    gauge = Gauge()
    make(folder, Brief(BASE), gauge)

    now = gauge.read()
    assert now.done == now.total
    assert now.done > 100_000


def test_it_stops_when_told(folder: Path) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(Interrupted):
        make(folder, Brief(BASE), stop=stop)


@pytest.mark.parametrize(
    "base", ["", "files", "file:///etc", "https://me:pw@host/", "https://t.co/"]
)
def test_a_base_that_is_no_address_is_refused(folder: Path, base: str) -> None:
    with pytest.raises(BadUsage):
        make(folder, Brief(base))


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "gone"):
        with pytest.raises(BadUsage):
            make(place, Brief(BASE))
