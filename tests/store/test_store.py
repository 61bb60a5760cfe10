"""What the store holds, and what recording and removing change."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import BadUsage, CannotWrite, DigestMismatch, NotInstalled
from herd.model import File, Reference, Sha256
from herd.store import Store
from tests.store.models import (
    blobs,
    bring,
    commit,
    digest,
    file_of,
    install,
    is_whole,
    links,
    model,
    store_at,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Store:
    return store_at(home)


def test_looking_at_a_store_that_is_not_there_makes_nothing(store: Store, home: Path) -> None:
    assert store.installed() == ()
    assert store.damaged() == ()
    assert store.begun() == ()
    assert store.unused() == ()
    assert store.sweep() == 0
    assert not store.has(digest(b"x"), 1)
    assert store.free() > 0
    assert store.staged(file_of("a.gguf", b"x")).part.parent == home / "staging"
    assert not home.exists()


def test_an_installed_model_is_found_whole_and_under_its_real_name(
    store: Store, home: Path
) -> None:
    tiny = bring(store, "tiny:q4", model=b"weights", mmproj=b"eyes")

    assert store.installed() == (tiny,)
    assert store.path_of(tiny) == home / "models" / "tiny" / "q4" / "model.gguf"
    assert links(home) == {"tiny/q4/mmproj.gguf": b"eyes", "tiny/q4/model.gguf": b"weights"}
    assert store.path_of(tiny).samefile(store.blob(digest(b"weights")))
    assert store.blob(digest(b"weights")).stat().st_mode & 0o777 == 0o444


def test_a_blob_has_a_piece_table_and_takes_it_along(store: Store, home: Path) -> None:
    tiny = bring(store, "tiny:q4", model=b"weights")
    sha256 = digest(b"weights")

    table = store.table(sha256, 7)
    assert table is not None
    assert table.is_whole(0, b"weights")
    assert store.table(sha256, 8) is None

    store.remove(tiny)
    assert list((home / "pieces").iterdir()) == []


def test_a_table_that_does_not_read_is_none_and_a_new_one_takes_its_place(
    store: Store, home: Path
) -> None:
    bring(store, "tiny:q4", model=b"weights")
    sha256 = digest(b"weights")
    good = store.table(sha256, 7)
    (home / "pieces" / sha256).write_bytes(b"torn")

    assert store.table(sha256, 7) is None
    staged = store.staged(file_of("any.gguf", b"weights"))
    staged.part.parent.mkdir(parents=True, exist_ok=True)
    staged.part.write_bytes(b"weights")
    store.commit(staged.part, sha256, 7, good)
    assert store.table(sha256, 7) == good


def test_a_table_without_a_blob_is_swept_away(store: Store, home: Path) -> None:
    bring(store, "tiny:q4", model=b"weights")
    (home / "pieces" / digest(b"other")).write_bytes(b"x" * 10)
    (home / "pieces" / "half.new").write_bytes(b"x" * 10)

    assert store.sweep() == 20
    assert {each.name for each in (home / "pieces").iterdir()} == {digest(b"weights")}


def test_models_are_sorted_by_name_and_variant(store: Store) -> None:
    for reference in ("b:q8", "a:q4", "b:q4"):
        bring(store, reference, m=reference.encode())

    assert [str(each.reference) for each in store.installed()] == ["a:q4", "b:q4", "b:q8"]


def test_a_model_is_found_by_variant_and_otherwise_the_last_one_installed(store: Store) -> None:
    for variant, day in (("q4", "01"), ("q8", "03"), ("f16", "02")):
        contents = {"m.gguf": variant.encode()}
        moment = f"2026-01-{day}T00:00:00+00:00"
        install(store, model(f"tiny:{variant}", contents, moment), contents)

    assert store.find(Reference("tiny", "q4")).variant == "q4"
    assert store.find(Reference("tiny")).variant == "q8"


def test_a_name_that_is_not_installed_is_answered_with_the_nearest(store: Store) -> None:
    bring(store, "smollm2:q4_1", m=b"x")

    with pytest.raises(NotInstalled) as wrong_name:
        store.find(Reference("smolm"))
    with pytest.raises(NotInstalled) as wrong_variant:
        store.find(Reference("smollm2", "q8_0"))
    with pytest.raises(NotInstalled) as nothing_near:
        store.find(Reference("zzz"))

    assert wrong_name.value.hint == "Did you mean smollm2?"
    assert wrong_variant.value.message == "smollm2:q8_0 is not installed."
    assert wrong_variant.value.hint == "Of smollm2 there is q4_1."
    assert "herd install zzz" in (nothing_near.value.hint or "")


def test_a_blob_is_committed_once(store: Store, home: Path) -> None:
    first = commit(store, b"weights")
    inode = first.stat().st_ino

    assert commit(store, b"weights", "other.gguf") == first
    assert first.stat().st_ino == inode
    assert blobs(home) == {digest(b"weights")}
    assert store.begun() == ()


def test_a_part_that_grew_after_its_verification_is_not_committed(store: Store) -> None:
    with store.hold(Reference("tiny", "q4")):
        staged = store.staged(file_of("a.gguf", b"weights"))
        staged.part.write_bytes(b"weights and more")

        with pytest.raises(DigestMismatch):
            store.commit(staged.part, digest(b"weights"), 7)

        assert staged.part.exists()
        assert not store.has(digest(b"weights"), 7)


def test_a_part_on_another_disk_is_copied(store: Store, tmp_path: Path) -> None:
    shared = Path("/dev/shm")  # noqa: S108
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("one disk is all there is")
    part = shared / f"herd-test-{os.getpid()}.part"
    part.write_bytes(b"weights")
    try:
        blob = store.commit(part, digest(b"weights"), 7)
        assert not part.exists()
    finally:
        part.unlink(missing_ok=True)

    assert blob.read_bytes() == b"weights"
    assert [path.name for path in blob.parent.iterdir()] == [digest(b"weights")]


def test_a_replaced_model_leaves_nothing_of_the_old_one(store: Store, home: Path) -> None:
    bring(store, "tiny:q4", a=b"shared", b=b"old")
    new = bring(store, "tiny:q4", a=b"new primary", c=b"shared")

    assert store.installed() == (new,)
    assert links(home) == {"tiny/q4/a.gguf": b"new primary", "tiny/q4/c.gguf": b"shared"}
    assert blobs(home) == {digest(b"new primary"), digest(b"shared")}


def test_removing_frees_what_no_other_model_uses(store: Store, home: Path) -> None:
    one = bring(store, "one:q4", a=b"shared", b=b"12345")
    other = bring(store, "other:q4", a=b"shared")

    assert store.remove(one) == 5
    assert store.installed() == (other,)
    assert is_whole(store, other)
    assert store.remove(other) == 6
    assert blobs(home) == set()
    assert links(home) == {}
    assert not any((home / "models").iterdir())
    assert not any((home / "manifests").iterdir())


def test_what_another_tool_links_to_frees_nothing(store: Store, tmp_path: Path) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    theirs = tmp_path / "theirs.gguf"
    theirs.hardlink_to(store.path_of(tiny))

    assert store.remove(tiny) == 0
    assert theirs.read_bytes() == b"weights"


def test_a_model_is_removed_once(store: Store) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    store.remove(tiny)

    with pytest.raises(NotInstalled):
        store.remove(tiny)


def test_a_file_that_somebody_put_beside_the_links_stays(store: Store, home: Path) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    note = home / "models" / "tiny" / "q4" / "my notes.txt"
    note.write_text("good model")

    store.remove(tiny)

    assert links(home) == {"tiny/q4/my notes.txt": b"good model"}


def test_a_path_without_its_link_is_the_blob(store: Store) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    store.path_of(tiny).unlink()

    assert store.path_of(tiny) == store.blob(digest(b"weights"))


def test_a_link_that_was_replaced_by_another_file_is_not_trusted(store: Store) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    link = store.path_of(tiny)
    link.unlink()
    link.write_bytes(b"changed")

    assert store.path_of(tiny).read_bytes() == b"weights"


@pytest.mark.parametrize("content", [b"", b"{}", b"[[[", b'{"schema": 99}', b"\x00" * 100])
def test_a_damaged_manifest_is_set_aside_and_the_others_are_read(
    store: Store, home: Path, content: bytes
) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    damaged = home / "manifests" / "tiny" / "q8.json"
    damaged.write_bytes(content)

    assert store.installed() == (tiny,)
    assert store.damaged() == (damaged,)


def test_a_manifest_under_another_models_name_is_not_believed(store: Store, home: Path) -> None:
    bring(store, "tiny:q4", m=b"weights")
    manifests = home / "manifests"
    (manifests / "tiny" / "q4.json").rename(manifests / "tiny" / "q8.json")

    assert store.installed() == ()
    assert store.damaged() == (manifests / "tiny" / "q8.json",)


def test_what_lies_among_the_manifests_keeps_nobody_waiting(store: Store, home: Path) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    folder = home / "manifests" / "tiny"
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    (folder / "loop.json").symlink_to("loop.json")
    (home / "manifests" / "stray").write_text("x")

    assert store.installed() == (tiny,)
    assert len(store.damaged()) == 3


def test_blobs_of_a_manifest_of_a_later_herd_stay(store: Store, home: Path) -> None:
    tiny = bring(store, "tiny:q4", m=b"weights")
    later = home / "manifests" / "later" / "q4.json"
    later.parent.mkdir()
    later.write_text(f'{{"schema": 7, "parts": ["{digest(b"weights")}"]}}')

    store.remove(tiny)

    assert blobs(home) == {digest(b"weights")}


def test_a_model_whose_bytes_are_not_there_is_not_recorded(store: Store) -> None:
    with pytest.raises(CannotWrite, match=r"the bytes of m\.gguf are gone"):
        store.record(model("tiny:q4", {"m.gguf": b"weights"}))

    assert store.installed() == ()


@pytest.mark.parametrize("name", ["../x", "a/b", "", "UP", "con", "x" * 65])
def test_a_name_that_is_no_safe_folder_is_refused(store: Store, home: Path, name: str) -> None:
    commit(store, b"weights")
    unsafe = replace(model("tiny:q4", {"m.gguf": b"weights"}), name=name)

    with pytest.raises(CannotWrite):
        store.record(unsafe)
    with pytest.raises(BadUsage):
        store.hold(Reference(name, "q4"))

    assert links(home) == {}


def test_a_digest_that_is_none_never_becomes_a_path(store: Store) -> None:
    bad = Sha256("../../../etc/passwd")

    with pytest.raises(BadUsage):
        store.blob(bad)
    with pytest.raises(BadUsage):
        store.has(bad, 1)
    with pytest.raises(BadUsage):
        store.staged(File("a.gguf", (), 1, bad))
