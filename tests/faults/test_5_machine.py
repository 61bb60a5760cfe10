"""The own machine: kills, signals, a full disk, a second herd, a clock that jumps."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from herd.transfer import Staged, begun
from tests.faults.person import CONTENT, ONE_CONNECTION, SIZE, Person
from tests.tools.foreign import need
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, Seed, Torrent, make_torrent
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.desk import within

LARGE = CONTENT * 7
BLOCK = 4 * 1024 * 1024
TEN_MEGABYTES = 1_250_000
"""Bytes a second of one of 8 connections."""


def seeds(folder: Path) -> Torrent:
    """A torrent of LARGE, which lies there."""
    (folder / "tiny.gguf").write_bytes(LARGE)
    return make_torrent(folder / "tiny.gguf")


@pytest.mark.parametrize("damage", ["none", "flipped", "cut"])
def test_a_kill_at_any_instant_costs_little_and_nothing_damaged_is_believed(
    person: Person, server: FileServer, damage: str
) -> None:
    """At 10 MB/s; at any speed by benchmarks/transfer_faults.py."""
    server.content, server.faults = LARGE, Faults(rate=TEN_MEGABYTES)
    person.is_offered(server, content=LARGE)
    kills, chance = 4, random.Random(damage)
    for _ in range(kills):
        goal = server.bytes_sent + (len(LARGE) - 200_000) / kills * chance.random()
        with person.begins() as herd:
            until(lambda goal=goal: server.bytes_sent > goal, 60)  # type: ignore[misc]
            herd.kill()
        until(lambda: server.open == 0)
    if damage != "none":
        with person.part.open("r+b") as part:
            _ = part.write(b"damage") if damage == "flipped" else part.truncate(BLOCK // 2)

    ran = person.types()

    assert (ran.code, person.has) == (0, LARGE)
    again = {"none": 0, "flipped": BLOCK, "cut": len(LARGE) - BLOCK // 2}[damage]
    assert server.bytes_sent <= len(LARGE) + kills * BLOCK // 2 + again
    assert "verified." in ran.end


@pytest.mark.parametrize("damage", ["none", "flipped", "cut"])
def test_a_kill_of_a_fetch_from_a_swarm_costs_little_as_well(
    person: Person, tmp_path: Path, damage: str
) -> None:
    torrent, kills, chance = seeds(tmp_path), 3, random.Random(damage)
    with Seed(torrent, tmp_path, rate=10_000_000) as seed, HttpTracker(seed.address) as tracker:
        person.is_offered(torrent.magnet(tracker.url), content=LARGE)
        for _ in range(kills):
            goal = seed.uploaded + (len(LARGE) - PIECE) / kills * chance.random()
            with person.begins() as herd:
                until(lambda goal=goal: seed.uploaded > goal, 60)  # type: ignore[misc]
                herd.kill()
        (pieces,) = (person.home / "staging").rglob("*.torrent.d/model")
        if damage != "none":
            with pieces.open("r+b") as part:
                _ = part.write(b"damage") if damage == "flipped" else part.truncate(BLOCK // 2)
        ran = person.types()
        uploaded = seed.uploaded

    assert (ran.code, person.has) == (0, LARGE)
    again = {"none": 0, "flipped": PIECE, "cut": len(LARGE) - BLOCK // 2}[damage]
    assert uploaded <= len(LARGE) + kills * BLOCK // 2 + again
    assert "verified." in ran.end


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_herd_at_once_although_the_server_stalls(
    person: Person, server: FileServer, number: signal.Signals
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = Faults(stall_after=100_000)
    person.is_offered(server)
    with person.begins() as herd:
        until(lambda: server.bytes_sent >= 100_000, 60)
        with within(1):
            herd.send_signal(number)
            _, said = herd.communicate()
    assert herd.returncode == 128 + number
    assert "The same command goes on there." in said
    had, server.faults = begun(Staged(person.part)), Faults()

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert had > 0
    assert server.bytes_sent == SIZE + 100_000 - had
    assert "verified." in ran.end


def test_a_signal_ends_herd_at_once_although_nobody_in_the_swarm_answers(
    person: Person, tmp_path: Path
) -> None:
    with HttpTracker() as tracker:
        person.is_offered(seeds(tmp_path).magnet(tracker.url), content=LARGE)
        with person.begins() as herd:
            until(lambda: tracker.announces != [], 60)
            with within(1):
                herd.send_signal(signal.SIGINT)
                _, said = herd.communicate()
    assert herd.returncode == 130
    assert "The same command goes on there." in said or "Nothing" in said


@contextmanager
def small_disk(at: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes."""
    need("mount", is_root=True)
    at.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(at))
    try:
        yield at
    finally:
        _run("umount", str(at))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def test_a_disk_that_is_too_small_is_said_before_the_first_byte(
    server: FileServer, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        person = Person(disk / "home")
        person.is_offered(server)

        ran = person.types()

    assert ran.code == 6
    assert server.requests == []
    assert "tiny:q4_0 needs 2.0 MB of disk" in ran.end


def test_a_disk_that_fills_under_way_ends_it_at_once_and_space_lets_it_go_on(
    tmp_path: Path,
) -> None:
    torrent = seeds(tmp_path)
    with (
        small_disk(tmp_path / "disk", 100 << 20) as disk,
        Seed(torrent, tmp_path, rate=4_000_000) as seed,
        HttpTracker(seed.address) as tracker,
    ):
        person = Person(disk / "home")
        person.is_offered(torrent.magnet(tracker.url), content=LARGE)
        with person.begins() as herd:
            until(lambda: seed.uploaded > len(LARGE) // 4, 60)
            fill(disk / "filler")
            _, said = herd.communicate(timeout=60)
        (disk / "filler").unlink()
        had = seed.uploaded
        ran = person.types()
        assert (ran.code, person.has) == (0, LARGE)
        uploaded = seed.uploaded

    assert herd.returncode == 6
    assert "disk is full" in said
    assert had < len(LARGE)
    assert uploaded <= len(LARGE) + 8 * PIECE, "what was fetched was kept"
    assert "verified." in ran.end


def fill(path: Path) -> None:
    """A file that leaves no room."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 20)):
                pass
        except OSError:
            return


def test_a_disk_that_is_read_only_is_said_before_any_network(
    server: FileServer, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 100 << 20) as disk:
        person = Person(disk / "home")
        person.is_offered(server)
        _run("mount", "-o", "remount,ro", str(disk))

        ran = person.types()

    assert ran.code == 6
    assert server.requests == []
    assert "ead-only" in ran.end


def test_two_herds_that_install_the_same_model_fetch_it_once(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.faults = Faults(rate=SIZE // 8)
    person.is_offered(server)
    with person.begins() as first:
        until(lambda: server.bytes_sent > 0, 60)
        with person.begins() as second:
            said = second.communicate(timeout=60)[1]
        first.communicate(timeout=60)

    assert (first.returncode, second.returncode, person.has) == (0, 0, CONTENT)
    assert server.bytes_sent == SIZE
    assert "another herd" in said


@pytest.fixture
def jumping(person: Person) -> Person:
    person.herd = "tests.faults.jumping_herd"
    return person


def test_a_clock_that_jumps_means_nothing_to_a_fetch_over_http(
    jumping: Person, server: FileServer
) -> None:
    jumping.environ |= ONE_CONNECTION
    server.faults = Faults(end_after=SIZE // 10, rate=SIZE // 2)
    jumping.is_offered(server)

    ran = jumping.types()

    assert (ran.code, jumping.has) == (0, CONTENT)
    assert server.bytes_sent == SIZE
    assert "verified." in ran.end


def test_a_clock_that_jumps_means_nothing_to_a_swarm(jumping: Person, tmp_path: Path) -> None:
    torrent = seeds(tmp_path)
    with Seed(torrent, tmp_path) as seed, HttpTracker(seed.address) as tracker:
        jumping.is_offered(torrent.magnet(tracker.url), content=LARGE)
        ran = jumping.types()
        assert seed.uploaded <= len(LARGE) + PIECE

    assert (ran.code, jumping.has) == (0, LARGE)
    assert "verified." in ran.end
