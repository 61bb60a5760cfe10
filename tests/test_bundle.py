"""Bundles carry a model whole, complete each other where they are torn, and refuse what lies."""

from __future__ import annotations

import errno
import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herd import bundle as bundles
from herd import disk, pieces
from herd.bundle import Bundle, Work
from herd.errors import (
    BadUsage,
    CannotRun,
    DigestMismatch,
    HerdError,
    Interrupted,
    LicenceNotAccepted,
    NoRoom,
    NoSourceDelivered,
)
from herd.model import (
    File,
    InfoHash,
    Installed,
    Licence,
    MagnetSource,
    Model,
    Source,
    TorrentSource,
    UrlSource,
    Variant,
)
from herd.piece_repair import PieceRepairer
from herd.pieces import LEAF, Table
from herd.registry.schema import read as read_registry
from herd.store import Store, adopting
from herd.store.adopting import Way
from herd.transfer import Transfer
from herd.unpack import Unpacked, Unpacker, Unpacking
from tests.foreign.layouts import gguf
from tests.store.models import digest, install, is_whole, model, store_at
from tests.tools.http_server import FileServer

PIECE = 4 * LEAF
WEIGHTS = gguf(3, size=0) + random.Random(5).randbytes(9 * PIECE)
EYES = gguf(4, size=70_000)
CONTENTS = {"m.gguf": WEIGHTS, "mmproj.gguf": EYES}


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", PIECE)


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return store_at(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Store:
    return store_at(tmp_path / "there")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return tmp_path / "stick"


def installed(store: Store, *sources: Source, licence: Licence | None = None) -> Installed:
    made = model("tiny:q4", CONTENTS)
    files = (replace(made.files[0], sources=sources, adopted="/secret/place"), made.files[1])
    made = replace(made, files=files, licence=licence or made.licence)
    install(store, made, CONTENTS)
    return made


def exported(store: Store, stick: Path) -> Bundle:
    return bundles.write(store, store.installed()[0], stick, Work())


def unpack(
    store: Store, bundle: Bundle, *places: Path, models: tuple[Model, ...] = (), **how: str
) -> Unpacked:
    piece_repairer = PieceRepairer(store, Transfer(), lambda: models)
    return Unpacker(store, piece_repairer, lambda: models).unpack(
        Unpacking(bundle, how.get("name"), places)
    )


def spoil(path: Path, *offsets: int, cut: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    for at in offsets:
        content[at] ^= 0xFF
    path.write_bytes(bytes(content[:cut]))


def test_a_bundle_has_everything_under_its_real_name(here: Store, stick: Path) -> None:
    installed(here, UrlSource("https://m.example/m.gguf"))

    bundle = exported(here, stick)

    assert bundle.folder == stick / "tiny-q4"
    assert sorted(path.name for path in bundle.folder.iterdir()) == [
        "LICENCE.txt", "herd.json", "m.gguf", "m.gguf.pieces", "mmproj.gguf", "mmproj.gguf.pieces",
    ]  # fmt: skip
    assert (bundle.folder / "m.gguf").read_bytes() == WEIGHTS
    assert b"Licence: MIT" in (bundle.folder / "LICENCE.txt").read_bytes()
    text = (bundle.folder / "herd.json").read_text()
    assert "/secret" not in text
    assert "m.example" not in text


def test_a_bundle_with_known_sources_has_a_registry_that_reads(here: Store, stick: Path) -> None:
    made = model("tiny:q4", {"m.gguf": WEIGHTS})
    url = UrlSource("https://m.example/m.gguf")
    made = replace(made, files=(replace(made.files[0], sources=(url,)),))
    install(here, made, {"m.gguf": WEIGHTS})

    bundle = exported(here, stick)
    (read,) = read_registry((bundle.folder / "registry.yaml").read_bytes(), "registry.yaml").models

    assert read.name == "tiny"
    assert read.variants[0].files[0] == File("m.gguf", (url,), len(WEIGHTS), digest(WEIGHTS))


@pytest.mark.parametrize("registry", [None, "herd"])
def test_a_key_in_an_address_that_somebody_typed_does_not_travel(
    here: Store, stick: Path, registry: str | None
) -> None:
    made = model("tiny:q4", {"m.gguf": WEIGHTS})
    key = "https://m.example/m?key=5ecret"
    sources = (
        UrlSource("https://m.example/m.gguf"),
        UrlSource(key),
        TorrentSource(key),
        MagnetSource(v1=InfoHash("ab" * 20), torrents=(key,)),
    )
    made = replace(made, registry=registry, files=(replace(made.files[0], sources=sources),))
    install(here, made, {"m.gguf": WEIGHTS})

    text = (exported(here, stick).folder / "registry.yaml").read_text()

    assert "https://m.example/m.gguf" in text
    assert ("5ecret" in text) == (registry is not None)  # what a registry offers is no secret


def test_a_bundle_is_installed_and_proved_elsewhere(here: Store, there: Store, stick: Path) -> None:
    made = installed(here)
    (folder,) = bundles.find(exported(here, stick).folder.parent)
    bundle = bundles.read(folder)

    unpacked = unpack(there, bundle)

    assert unpacked.lacked == ()
    assert unpacked.installed.files == made.files
    assert (unpacked.installed.is_verified, unpacked.installed.source) == (False, "a bundle")
    assert is_whole(there, unpacked.installed)
    assert there.begun() == ()
    assert unpack(there, bundle).was_there


def test_a_registry_that_knows_the_bytes_says_what_they_are(
    here: Store, there: Store, stick: Path
) -> None:
    installed(here)
    url = UrlSource("https://m.example/m.gguf")
    files = tuple(File(name, (url,), len(each), digest(each)) for name, each in CONTENTS.items())
    known = Model("real", "Real", (Variant("q4_0", files),), "q4_0", Licence("MIT"))

    got = unpack(there, exported(here, stick), models=(known,)).installed

    assert (got.name, got.variant, got.is_verified) == ("real", "q4_0", True)
    assert got.files[0].sources == (url,)


@pytest.mark.parametrize("is_flat", [False, True])
def test_a_torn_bundle_says_what_it_lacks_and_another_completes_it(
    here: Store, there: Store, stick: Path, tmp_path: Path, is_flat: bool
) -> None:
    installed(here)
    if is_flat:  # as a v1 swarm leaves it
        each = [WEIGHTS[at : at + PIECE] for at in range(0, len(WEIGHTS), PIECE)]
        hashes = b"".join(hashlib.sha1(one, usedforsecurity=False).digest() for one in each)
        here.keep_table(digest(WEIGHTS), Table(len(WEIGHTS), PIECE, hashes, is_flat=True))
    torn, other = exported(here, stick), exported(here, tmp_path / "other")
    spoil(torn.folder / "m.gguf", 2 * PIECE + 5, cut=5 * PIECE)
    spoil(other.folder / "m.gguf", 0)

    with pytest.raises(NoSourceDelivered) as refusal:
        unpack(there, torn)
    unpacked = unpack(there, torn, other.folder)

    lacking = f"bytes {2 * PIECE}-{3 * PIECE - 1}, {5 * PIECE}-{len(WEIGHTS) - 1}"
    assert lacking in refusal.value.message
    (mended,) = unpacked.completed
    assert mended.pieces == 1 + (len(WEIGHTS) - 5 * PIECE + PIECE - 1) // PIECE
    assert is_whole(there, unpacked.installed)


def test_the_network_completes_a_torn_bundle_that_a_registry_knows(
    here: Store, there: Store, stick: Path
) -> None:
    installed(here)
    torn = exported(here, stick)
    spoil(torn.folder / "m.gguf", 5)
    (torn.folder / "mmproj.gguf").unlink()
    with FileServer(WEIGHTS) as server, FileServer(EYES, "127.0.0.2") as second:
        urls = (UrlSource(server.url), UrlSource(second.url))
        files = tuple(
            File(name, (url,), len(each), digest(each))
            for (name, each), url in zip(CONTENTS.items(), urls, strict=True)
        )
        known = Model("tiny", "Tiny", (Variant("q4", files),), "q4", Licence("MIT"))

        unpacked = unpack(there, torn, models=(known,))

        assert server.bytes_sent == PIECE
    assert is_whole(there, unpacked.installed)


def test_an_export_goes_on_where_it_stopped_and_mends_a_damaged_copy(
    here: Store, stick: Path
) -> None:
    installed(here)
    bundle = exported(here, stick)
    before = (bundle.folder / "m.gguf").stat().st_ino
    spoil(bundle.folder / "mmproj.gguf", 5)

    exported(here, stick)

    assert (bundle.folder / "m.gguf").stat().st_ino == before
    assert (bundle.folder / "mmproj.gguf").read_bytes() == EYES


def test_a_damaged_blob_is_not_exported(here: Store, stick: Path) -> None:
    installed(here)
    blob = here.blob(digest(WEIGHTS))
    blob.chmod(0o644)
    spoil(blob, 5)

    with pytest.raises(DigestMismatch, match="damaged in the store"):
        exported(here, stick)
    assert not (stick / "tiny-q4" / "m.gguf").exists()


def test_a_licence_that_must_be_accepted_is_asked_for(
    here: Store, there: Store, stick: Path
) -> None:
    installed(here, licence=Licence("X", must_be_accepted=True))

    with pytest.raises(LicenceNotAccepted):
        unpack(there, exported(here, stick))
    assert there.installed() == ()


def test_a_name_of_the_registry_is_not_given_to_other_bytes(
    here: Store, there: Store, stick: Path
) -> None:
    installed(here)
    other = Model("tiny", "Tiny", (Variant("q4", ()),), "q4", Licence("MIT"))

    with pytest.raises(BadUsage, match="another model named tiny"):
        unpack(there, exported(here, stick), models=(other,))
    assert (
        unpack(there, exported(here, stick), models=(other,), name="mine").installed.name == "mine"
    )


Change = Callable[[dict[str, object], Path], object]


def _files(document: dict[str, object]) -> Iterator[dict[str, object]]:
    files = document["files"]
    assert isinstance(files, list)
    yield from files


def named(name: str) -> Change:
    return lambda document, _: next(_files(document)).update(name=name)


HOSTILE: dict[str, Change] = {
    "a path upwards": named("../../evil.gguf"),
    "an absolute name": named("/etc/evil.gguf"),
    "a Windows path": named("C:\\evil.gguf"),
    "a reserved name": named("con"),
    "a model name with a path": lambda document, _: document.update(name="../evil"),
    "a variant with a path": lambda document, _: document.update(variant="../../x"),
    "a digest that is none": lambda document, _: next(_files(document)).update(sha256="../x"),
    "a negative size": lambda document, _: next(_files(document)).update(size=-1),
    "an enormous size": lambda document, _: next(_files(document)).update(size=1 << 80),
    "a digest of other bytes": lambda document, _: next(_files(document)).update(sha256="a" * 64),
    "a size of other bytes": lambda document, _: next(_files(document)).update(size=7),
    "a size beyond all disks": lambda document, _: next(_files(document)).update(size=1 << 62),
    "huge JSON": lambda document, _: document.update(summary="x" * (2 << 20)),
    "two files of one name": lambda document, _: list(_files(document))[1].update(name="M.gguf"),
    "a link instead of weights": lambda _, folder: linked(folder / "m.gguf"),
    "a link instead of a table": lambda _, folder: linked(spoiled(folder) / "m.gguf.pieces"),
    "a table of other bytes": lambda _, folder: (spoiled(folder) / "m.gguf.pieces").write_bytes(
        (folder / "mmproj.gguf.pieces").read_bytes()
    ),
    "more bytes than it says": lambda _, folder: (folder / "m.gguf").write_bytes(WEIGHTS + b"x"),
}


def linked(path: Path) -> Path:
    path.unlink()
    path.symlink_to("/etc/passwd")
    return path


def spoiled(folder: Path) -> Path:
    spoil(folder / "m.gguf", 5)
    return folder


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_bundle_is_refused_and_nothing_is_written_outside_the_store(
    here: Store, there: Store, stick: Path, tmp_path: Path, change: Change
) -> None:
    installed(here)
    folder = exported(here, stick).folder
    document = json.loads((folder / "herd.json").read_text())
    change(document, folder)
    (folder / "herd.json").write_text(json.dumps(document))
    before = {path for path in tmp_path.rglob("*") if "there" not in path.parts}

    with pytest.raises(HerdError):
        unpack(there, bundles.read(folder))

    assert there.installed() == ()
    assert there.unused() == () or len(there.unused()) == 1
    assert {path for path in tmp_path.rglob("*") if "there" not in path.parts} == before


def test_a_manifest_that_is_a_link_is_no_manifest(here: Store, stick: Path) -> None:
    installed(here)
    folder = exported(here, stick).folder
    (folder / "herd.json").rename(stick / "moved.json")
    (folder / "herd.json").symlink_to(stick / "moved.json")

    with pytest.raises(BadUsage, match="no manifest"):
        bundles.read(folder)


def test_weights_that_are_no_model_are_refused(here: Store, there: Store, stick: Path) -> None:
    made = model("tiny:q4", {"m.gguf": b"<html>"})
    install(here, made, {"m.gguf": b"<html>"})

    with pytest.raises(CannotRun, match="no GGUF"):
        unpack(there, exported(here, stick))
    assert (there.unused(), there.begun()) == ((), ())


@pytest.fixture
def _no_reflinks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setitem(adopting._DO, Way.REFLINK, refuse)


@pytest.mark.usefixtures("_no_reflinks")
def test_a_bundle_for_which_there_is_no_room_is_refused_before_it_is_copied(
    here: Store, there: Store, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(here)
    bundle = exported(here, stick)
    monkeypatch.setattr(disk, "free", lambda _: len(WEIGHTS) - 1)

    with pytest.raises(NoRoom, match="are free"):
        unpack(there, bundle)

    assert list(there.staging.iterdir()) == []


@pytest.mark.usefixtures("_no_reflinks")
def test_the_copy_from_a_bundle_is_stopped_on_the_way(
    here: Store, there: Store, stick: Path
) -> None:
    installed(here)
    bundle = exported(here, stick)
    stop = threading.Event()
    stop.set()
    piece_repairer = PieceRepairer(there, Transfer(), lambda: ())

    with pytest.raises(Interrupted):
        Unpacker(there, piece_repairer, lambda: ()).unpack(Unpacking(bundle, stop=stop))

    assert list(there.staging.iterdir()) == []
