"""A store moves whole, is read over another one, and may be on a drive that is not there."""

from __future__ import annotations

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from herd import move_store
from herd.core import Herd
from herd.errors import BadUsage, CannotWrite, DigestMismatch, Interrupted, NotInstalled
from herd.model import File, Reference, UrlSource
from herd.move_store import Work
from herd.places import places
from herd.progress import Gauge
from herd.repair import Wanted
from herd.store import Store, View
from herd.store.proof import Work as Proving
from herd.transfer.carrier import Wish
from herd.transfer.download import HttpCarrier
from herd.usage import usage
from herd.verify import verify
from tests.store.models import bring, commit, digest, is_whole, links, store_at
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import QUICK, eventually

MEMORY = "/dev/shm"  # noqa: S108
"""A disk of its own on Linux."""


@pytest.fixture
def old(tmp_path: Path) -> Store:
    return store_at(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Store:
    return store_at(tmp_path / "new")


def is_sound(store: Store) -> bool:
    return verify(store, None, Proving(Gauge(), threading.Event())).is_sound


def test_on_the_same_disk_nothing_is_copied(old: Store, new: Store, tmp_path: Path) -> None:
    bring(old, "tiny:q4", a=b"weights", b=b"more")
    bring(old, "twin:q8", a=b"weights")
    inode = old.blob(digest(b"weights")).stat().st_ino
    seen = links(tmp_path / "old")

    moved = move_store.move(old, new, Work())
    freed = move_store.clear(old, moved)

    assert new.own() == moved
    assert all(is_whole(new, each) for each in moved)
    assert is_sound(new)
    assert new.blob(digest(b"weights")).stat().st_ino == inode
    assert links(tmp_path / "new") == seen
    assert (old.own(), old.unused(), freed) == ((), (), 0)


@pytest.mark.skipif(not os.access(MEMORY, os.W_OK), reason="there is no second disk here")
def test_to_another_disk_every_byte_is_copied_and_the_old_one_freed(old: Store) -> None:
    bring(old, "tiny:q4", a=b"weights")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        new = store_at(Path(folder) / "store")

        freed = move_store.clear(old, move_store.move(old, new, Work()))

        assert freed == 7
        assert is_sound(new)
        assert new.blob(digest(b"weights")).stat().st_mode & 0o777 == 0o444


def test_a_damaged_blob_stops_the_move_and_what_moved_is_not_moved_again(
    old: Store, new: Store
) -> None:
    bring(old, "a:q4", a=b"good")
    bring(old, "b:q4", a=b"weights")
    blob = old.blob(digest(b"weights"))
    blob.chmod(0o644)
    blob.write_bytes(b"Weights")

    with pytest.raises(DigestMismatch):
        move_store.move(old, new, Work())
    assert [each.name for each in new.own()] == ["a"]
    assert len(old.own()) == 2
    blob.write_bytes(b"weights")
    blob.chmod(0o444)
    work = Work()
    move_store.move(old, new, work)

    assert work.gauge.read().done == 11
    assert is_sound(new)


def test_a_move_that_is_stopped_leaves_the_old_store_as_it_was(old: Store, new: Store) -> None:
    bring(old, "tiny:q4", a=b"weights")
    work = Work()
    work.stop.set()

    with pytest.raises(Interrupted):
        move_store.move(old, new, work)

    assert (len(old.own()), new.own()) == (1, ())


def test_a_folder_that_cannot_become_the_store_is_refused(old: Store, tmp_path: Path) -> None:
    old.make()
    other = tmp_path / "other"
    (other / "photos").mkdir(parents=True)

    for folder in (old.root, old.root / "blobs", other):
        with pytest.raises(BadUsage):
            move_store.check(old, folder)
    move_store.check(old, tmp_path / "fresh")


def test_a_store_below_is_read_and_never_written(tmp_path: Path) -> None:
    system = store_at(tmp_path / "system")
    theirs = bring(system, "shared:q4", a=b"shared")
    both = bring(system, "both:q4", a=b"theirs")
    own = Store(places({"HERD_HOME": str(tmp_path / "own")}), (View(system._places),))
    mine = bring(own, "both:q4", a=b"mine")
    before = {path: path.lstat() for path in (tmp_path / "system").rglob("*")}

    assert own.installed() == (mine, theirs)
    assert own.own() == (mine,)
    assert own.path_of(theirs).read_bytes() == b"shared"
    assert own.path_of(mine).read_bytes() == b"mine"
    assert (own.home_of(theirs), own.home_of(mine)) == (system.root, own.root)
    assert own.blob(theirs.files[0].sha256) == system.blob(theirs.files[0].sha256)
    assert is_sound(own)
    assert verify(own, (theirs,), Proving(Gauge(), threading.Event())).is_sound
    assert usage(own).total == 4
    with pytest.raises(CannotWrite, match="not yours"):
        own.remove(theirs)
    own.remove(mine)
    assert own.installed() == (both, theirs)
    after = {path: path.lstat() for path in (tmp_path / "system").rglob("*")}
    assert {path: each.st_mtime_ns for path, each in after.items()} == {
        path: each.st_mtime_ns for path, each in before.items()
    }


def herd_with(tmp_path: Path, config: str, system: str = "") -> Herd:
    home, etc = tmp_path / "home", tmp_path / "etc"
    for folder, text in ((home, config), (etc, system)):
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(text)
    return Herd(places({"HERD_HOME": str(home), "HERD_SYSTEM": str(etc)}))


def test_the_machines_store_and_the_persons_are_found_by_their_settings(tmp_path: Path) -> None:
    bring(store_at(tmp_path / "system"), "shared:q4", a=b"shared")
    bring(store_at(tmp_path / "drive"), "mine:q4", a=b"mine")

    herd = herd_with(
        tmp_path, f'store = "{tmp_path / "drive"}"', f'store = "{tmp_path / "system"}"'
    )

    assert [each.name for each in herd.store.installed()] == ["mine", "shared"]
    assert herd.store.root == tmp_path / "drive"
    assert herd.places.chats.parent == tmp_path / "home"
    shared = herd.installed("shared")
    with pytest.raises(CannotWrite, match="not yours"):
        herd.repairer.repair(Wanted((shared,)))


def test_a_drive_that_is_not_there_is_a_state_and_nothing_is_made_in_its_place(
    tmp_path: Path,
) -> None:
    drive = tmp_path / "drive"
    herd = herd_with(tmp_path, f'store = "{drive}"')

    assert herd.store.is_away
    assert herd.store.installed() == ()
    with pytest.raises(NotInstalled, match="is not there"):
        herd.installed("smollm2")
    with pytest.raises(CannotWrite, match="is not there"):
        herd.store.hold(Reference("tiny", "q4"))
    assert not drive.exists()

    bring(store_at(drive), "mine:q4", a=b"mine")
    assert herd.installed("mine").name == "mine"


def test_a_model_that_changed_hands_is_recorded_as_ours(
    old: Store, new: Store, tmp_path: Path
) -> None:
    tiny = bring(old, "tiny:q4", a=b"weights")
    theirs = tmp_path / "theirs"
    theirs.hardlink_to(old.blob(digest(b"weights")))
    old.record(replace(tiny, files=(replace(tiny.files[0], adopted=str(theirs)),)))

    move_store.move(old, new, Work())

    assert new.own()[0].files[0].adopted == str(theirs)


def test_what_was_begun_goes_along(old: Store, new: Store) -> None:
    begin(old, SIZE // 2)

    assert move_store.carry(old, new, Work()) == 0

    assert old.begun() == ()
    assert fetched_rest(new) <= SIZE // 2


@pytest.mark.skipif(not os.access(MEMORY, os.W_OK), reason="there is no second disk here")
def test_what_was_begun_goes_along_to_another_disk(old: Store) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        new = store_at(Path(folder) / "store")
        begin(old, SIZE // 2)

        assert move_store.carry(old, new, Work()) == 0

        assert old.begun() == ()
        assert fetched_rest(new) <= SIZE // 2


def test_what_another_herd_works_on_stays(old: Store, new: Store) -> None:
    begin(old, SIZE // 2)
    with old.hold(Reference("tiny", "q4")):
        old.staged(wanted(""))

        assert move_store.carry(old, new, Work()) == 1

    assert [each.staged.part.name for each in old.begun()] == [f"{digest(LARGE)}.part"]
    assert new.begun() == ()


def test_whole_files_of_models_that_are_not_whole_go_along(old: Store, new: Store) -> None:
    old.make()
    commit(old, b"the first of two")

    assert move_store.carry(old, new, Work()) == 0

    assert new.blob(digest(b"the first of two")).read_bytes() == b"the first of two"
    assert old.unused() == ()


LARGE = b"GGUF" + bytes(range(251)) * 50_000
SIZE = len(LARGE)


def wanted(url: str) -> File:
    return File("m.gguf", (UrlSource(url),), SIZE, digest(LARGE))


def begin(store: Store, until: int) -> None:
    """Fetch until so many bytes are there, and stop."""
    store.make()
    stop, gauge = threading.Event(), Gauge()
    with FileServer(LARGE) as server:
        server.faults = Faults(rate=10_000_000)
        file = wanted(server.url)
        wish = Wish(file, file.sources[0], store.staged(file), gauge, stop)
        with ThreadPoolExecutor(1) as pool:
            fetching = pool.submit(HttpCarrier(QUICK, workers=1).fetch, wish)
            eventually(lambda: gauge.read().done >= until)
            stop.set()
            assert isinstance(fetching.exception(), Interrupted)


def fetched_rest(store: Store) -> int:
    """Fetch the rest; the bytes that the server gave."""
    with FileServer(LARGE) as server:
        file = wanted(server.url)
        wish = Wish(file, file.sources[0], store.staged(file))
        assert HttpCarrier(QUICK).fetch(wish).sha256 == digest(LARGE)
        return server.bytes_sent
