"""Bytes that are not the file's: from a mirror, by the registry, or on the own disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from herd.model import TorrentSource
from herd.pieces import PIECE as BLOCK
from tests.faults.person import CONTENT, ONE_CONNECTION, SIZE, Person, begin
from tests.tools.fakes import digest
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, Seed, Torrent, make_torrent
from tests.tools.swarm_tracker import HttpTracker

LIES = bytes(each ^ 0xFF for each in CONTENT)
LARGE = CONTENT * 7
"""Some blocks of the size of which herd keeps sums, and 54 pieces of a torrent."""
MIDDLE = len(LARGE) // 2
LATE = LARGE[:MIDDLE] + (LIES * 7)[MIDDLE:]
ONE_LIE = LARGE[:MIDDLE] + bytes([LARGE[MIDDLE] ^ 1]) + LARGE[MIDDLE + 1 :]

HUNTS = [(1, 2.0), (2, 2.5)]
"""Connections, and what may come in files. One connection: all from the first mirror, then all from
the other. Two share it: the smaller share comes again, half of it at most, then all of it."""


@pytest.fixture
def liar(server: FileServer) -> FileServer:
    server.content, server.faults = LIES, Faults(rate=SIZE)
    return server


@contextmanager
def torrent_of_it(folder: Path, *trackers: str) -> Iterator[tuple[TorrentSource, Torrent]]:
    """A .torrent of LARGE on a web server."""
    (folder / "model.gguf").write_bytes(LARGE)
    torrent = make_torrent(folder / "model.gguf", trackers)
    with FileServer(torrent.raw, "127.0.0.3") as server:
        yield TorrentSource(server.url), torrent


@pytest.mark.parametrize(
    "lies", [LIES * 7, ONE_LIE, LATE], ids=["all wrong", "one byte", "from its middle on"]
)
def test_where_pieces_are_known_a_liar_costs_a_piece_and_is_named(
    person: Person, liar: FileServer, good: FileServer, tmp_path: Path, lies: bytes
) -> None:
    liar.content, good.content = lies, LARGE
    liar.faults = good.faults = Faults(rate=len(LARGE) // 8)
    with torrent_of_it(tmp_path) as (torrent, _):
        person.is_offered(torrent, liar, good, content=LARGE)
        ran = person.types()

    assert (ran.code, person.has) == (0, LARGE)
    # Blocks of the last requests are asked of two mouths of a mirror: 1 MB at any size of the file.
    # One that proved right before has as many pieces under way as it has mouths.
    under_way = 8 * PIECE if lies == LATE else 0
    assert liar.bytes_sent + good.bytes_sent <= 1.15 * len(LARGE) + under_way
    if lies != ONE_LIE:
        assert "127.0.0.1: gave wrong bytes" in ran.end
        assert "127.0.0.2: gave wrong bytes" not in ran.said
    if lies not in (ONE_LIE, LATE):
        assert liar.bytes_sent <= PIECE
    assert "verified." in ran.end


def test_beside_peers_a_liar_costs_a_piece_as_well(
    person: Person, liar: FileServer, tmp_path: Path
) -> None:
    liar.content = LIES * 7
    with (
        HttpTracker() as tracker,
        torrent_of_it(tmp_path, tracker.url) as (torrent, made),
        Seed(made, tmp_path, rate=len(LARGE) // 2) as seed,
    ):
        tracker.peers.append(seed.address)
        person.is_offered(torrent, liar, content=LARGE)
        ran = person.types()
        assert seed.uploaded <= len(LARGE) + PIECE

    assert (ran.code, person.has) == (0, LARGE)
    assert liar.bytes_sent <= PIECE
    assert "127.0.0.1: gave wrong bytes; it is asked last from now on." in ran.end


@pytest.mark.parametrize(("connections", "most"), HUNTS)
def test_where_only_a_digest_is_known_the_liar_is_found_and_named(
    person: Person, liar: FileServer, good: FileServer, connections: int, most: float
) -> None:
    person.environ["HERD_CONNECTIONS"] = str(connections)
    good.faults = Faults(rate=SIZE)
    person.is_offered(liar, good)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert liar.bytes_sent + good.bytes_sent <= most * SIZE
    assert "127.0.0.1: gave wrong bytes; it is asked last from now on." in ran.end
    assert "MB wasted" in ran.end


def test_a_liar_that_is_alone_is_asked_once_and_nothing_is_installed(
    person: Person, liar: FileServer
) -> None:
    liar.faults = Faults()
    person.is_offered(liar)

    ran = person.types()

    assert (ran.code, person.has) == (5, None)
    assert liar.bytes_sent == SIZE
    assert f"127.0.0.1: the bytes have the digest {digest(LIES)[:12]}… and " in ran.end
    assert "Nothing was installed; try again later or another source." in ran.end


@pytest.mark.parametrize(("connections", "most"), HUNTS)
def test_mirrors_that_agree_on_another_digest_accuse_the_registry(
    person: Person, server: FileServer, good: FileServer, connections: int, most: float
) -> None:
    person.environ["HERD_CONNECTIONS"] = str(connections)
    server.faults = good.faults = Faults(rate=SIZE)
    person.is_offered(server, good, sha256=digest(b"a slip of the pen"))

    ran = person.types()

    assert (ran.code, person.has) == (5, None)
    assert server.bytes_sent + good.bytes_sent <= most * SIZE, "it fails once"
    (kept,) = (person.home / "staging").glob("*.bad")
    assert kept.read_bytes() == CONTENT
    assert "2 sources of tiny.gguf agree on a file with another digest" in ran.end
    assert "the registry's digest is probably wrong." in ran.end
    assert f"The file is kept as {kept}." in ran.end


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_part_that_was_damaged_between_two_runs_is_never_believed(
    person: Person, server: FileServer, damage: str
) -> None:
    person.environ |= ONE_CONNECTION
    server.content = LARGE
    had = begin(person, server, len(LARGE) * 2 // 3)
    kept = harm(person.part, damage, had)

    ran = person.types()

    assert (ran.code, person.has) == (0, LARGE)
    assert len(LARGE) - had < server.bytes_sent <= len(LARGE) - kept
    assert "verified." in ran.end


def harm(part: Path, damage: str, had: int) -> int:
    """Damage what was fetched; the bytes of it that need not come again."""
    match damage:
        case "flipped":
            with part.open("r+b") as file:
                file.seek(1000)
                file.write(b"damage")
            return had - BLOCK
        case "cut":
            os.truncate(part, BLOCK + 1000)
            return BLOCK + 1000
        case _:
            part.unlink()
            return 0
