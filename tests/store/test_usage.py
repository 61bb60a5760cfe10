"""What the store takes is counted once, and pruning takes away only what nobody needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from herd.model import Reference
from herd.store import Store
from herd.usage import frees, usage
from tests.store.models import bring, commit, digest, file_of, install, store_at
from tests.store.test_hold import other_process


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    return store_at(home)


def begin(store: Store, content: bytes, got: int) -> Path:
    part = store.staged(file_of("x.gguf", content)).part
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content[:got])
    return part


def test_shared_bytes_are_counted_once(store: Store) -> None:
    one = bring(store, "one:q4", a=b"shared" * 10, b=b"mine")
    bring(store, "two:q4", a=b"shared" * 10)

    found = usage(store)

    assert found.total == 64
    assert [(str(use.reference), use.size, use.own, use.shared) for use in found.models] == [
        ("one:q4", 64, 4, 60),
        ("two:q4", 60, 0, 60),
    ]
    assert frees(one, store.installed()) == 4 == store.remove(one)


def test_a_file_that_a_model_has_twice_is_its_own(store: Store) -> None:
    one = bring(store, "one:q4", a=b"same", b=b"same")

    assert usage(store).models[0].own == 4
    assert store.remove(one) == 4


def test_what_is_another_tools_frees_nothing(store: Store, tmp_path: Path) -> None:
    one = bring(store, "one:q4", a=b"theirs")
    (tmp_path / "theirs").hardlink_to(store.blob(digest(b"theirs")))
    one = replace(one, files=(replace(one.files[0], adopted=str(tmp_path / "theirs")),))
    store.record(one)

    (use,) = usage(store).models

    assert (use.own, use.adopted, usage(store).adopted) == (0, 6, 6)
    assert store.remove(one) == 0


def test_an_empty_store_takes_nothing_and_is_not_made(store: Store, home: Path) -> None:
    found = usage(store)

    assert (found.models, found.total, found.litter.is_empty) == ((), 0, True)
    assert not home.exists()


def test_pruning_takes_what_no_model_needs_and_nothing_else(store: Store, home: Path) -> None:
    tiny = bring(store, "tiny:q4", a=b"needed")
    part = begin(store, b"unfinished" * 1000, 5000)
    spare = commit(store, b"nobody's")
    orphan = home / "models" / "gone" / "q4" / "x.gguf"
    orphan.parent.mkdir(parents=True)
    orphan.symlink_to("nowhere")

    litter = store.litter()

    assert [each.staged.part for each in litter.begun] == [part]
    assert [(each.path, each.size) for each in litter.spare] == [(spare, 8)]
    assert litter.orphans == (orphan,)
    assert litter.size >= 5008
    assert store.prune(litter) >= litter.size
    assert store.litter().is_empty
    assert not part.exists()
    assert not (home / "models" / "gone").exists()
    assert store.path_of(tiny).read_bytes() == b"needed"


def test_what_an_install_works_on_now_is_left_alone(store: Store, home: Path) -> None:
    with other_process(home, "tiny:q4", "in use"), store.hold(Reference("other", "q4")):
        part = begin(store, b"under way", 4)

        assert store.litter().begun == ()
        litter = replace(store.litter(), begun=store.begun())
        assert [each.path for each in litter.spare] == [store.blob(digest(b"in use"))]
        assert store.prune(litter) == 0
        assert store.has(digest(b"in use"), 6)
        assert part.exists()


def test_a_model_that_came_between_looking_and_pruning_stays(store: Store) -> None:
    commit(store, b"weights")
    litter = store.litter()
    tiny = bring(store, "tiny:q4", a=b"weights")

    assert store.prune(litter) == 0
    assert store.path_of(tiny).read_bytes() == b"weights"


def test_a_digest_in_a_manifest_that_does_not_read_keeps_its_blob(store: Store, home: Path) -> None:
    install(store, bring(store, "tiny:q4", a=b"weights"), {"a.gguf": b"weights"})
    manifest = home / "manifests" / "tiny" / "q4.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"schema": 1', b'"schema": 2'))

    assert store.litter().spare == ()


def test_looking_takes_no_lock_that_an_install_wants(store: Store, home: Path) -> None:
    part = begin(store, b"unfinished", 3)
    dead = home / "locks" / f"{part.name}.lock"
    bring(store, "tiny:q4", a=b"x")

    assert len(store.litter().begun) == 1
    assert [each.name for each in (home / "locks").iterdir()] == ["store.lock"]
    dead.write_text("4711\n")
    assert len(store.litter().begun) == 1
