"""What is under way keeps its place from try to try."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from herd.disk import write
from herd.errors import BadUsage
from herd.model import (
    File,
    HfSource,
    InfoHash,
    MagnetSource,
    PathSource,
    PypiSource,
    Reference,
    Source,
    TorrentSource,
    UrlSource,
)
from herd.staging import Staged
from herd.store import Begun, Store
from tests.store.models import digest, file_of, store_at

TINY = Reference("tiny", "q4")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_at(tmp_path / "home")


def test_a_promised_digest_names_the_part(store: Store) -> None:
    assert store.staged(file_of("a.gguf", b"x")).part.name == f"{digest(b'x')}.part"


@pytest.mark.parametrize(
    "source",
    [
        UrlSource("https://models.example.org/a.gguf"),
        HfSource("user/name", "main", "a.gguf"),
        PypiSource("llm-tiny==1.0", "a.gguf"),
        MagnetSource(v1=InfoHash("a" * 40), trackers=("http://t.example.org",)),
        TorrentSource("a.torrent"),
        PathSource("a.gguf"),
    ],
)
def test_without_a_digest_the_source_names_the_part(store: Store, source: Source) -> None:
    part = store.staged(File("a.gguf", (source,))).part

    assert part == store.staged(File("a.gguf", (source,))).part
    assert part != store.staged(File("b.gguf", (source,))).part
    assert len(part.name) == 64 + len(".part")


def test_another_tracker_of_a_magnet_is_the_same_part(store: Store) -> None:
    one, other = (
        File("a.gguf", (MagnetSource(v1=InfoHash("a" * 40), trackers=trackers),))
        for trackers in ((), ("http://t.example.org",))
    )

    assert store.staged(one) == store.staged(other)


def test_a_key_goes_before_the_source(store: Store) -> None:
    file = File("a.gguf", (UrlSource("https://models.example.org/a?token=1"),))
    moved = File("a.gguf", (UrlSource("https://models.example.org/a?token=2"),))

    assert store.staged(file, "a") == store.staged(moved, "a")
    assert store.staged(file) != store.staged(moved)


def test_begun_says_what_lies_there_with_all_that_lies_beside_it(store: Store) -> None:
    with store.hold(TINY):
        small, large = (store.staged(file_of("a.gguf", each)) for each in (b"s", b"l"))
    large.beside(".torrent.d").mkdir()
    # Random and on the disk: some disks count blocks late, and those of zeros never.
    write(small.part, os.urandom(5_000))
    write(large.part, os.urandom(50_000))
    write(large.beside(".torrent.d") / "model", os.urandom(7_000))

    assert store.begun() == (Begun(large, 57_000), Begun(small, 5_000))


def test_a_hole_in_a_part_weighs_nothing(store: Store) -> None:
    with store.hold(TINY):
        staged = store.staged(file_of("a.gguf", b"x"))
    with staged.part.open("wb") as stream:
        stream.truncate(1 << 30)

    assert store.begun()[0].size < 1 << 20


def test_discarding_takes_what_lies_beside_and_nothing_else(store: Store) -> None:
    with store.hold(TINY):
        one, other = (store.staged(file_of("a.gguf", each)) for each in (b"1", b"2"))
    for staged in (one, other):
        staged.part.write_bytes(b"bytes")
        staged.beside(".json").write_bytes(b"{}")
        staged.beside(".torrent.d").mkdir()

    store.discard(one)
    store.discard(one)

    assert [each.staged for each in store.begun()] == [other]
    assert other.beside(".torrent.d").is_dir()


def test_nothing_outside_of_staging_is_discarded(store: Store, tmp_path: Path) -> None:
    precious = tmp_path / "precious.part"
    precious.write_bytes(b"x")

    with pytest.raises(BadUsage):
        store.discard(Staged(precious))

    assert precious.exists()


def test_a_part_that_a_kill_left_read_only_can_be_written_again(store: Store) -> None:
    with store.hold(TINY):
        part = store.staged(file_of("a.gguf", b"x")).part
        part.write_bytes(b"x")
        part.chmod(0o444)

    with store.hold(TINY):
        assert store.staged(file_of("a.gguf", b"x")).part.stat().st_mode & 0o200
