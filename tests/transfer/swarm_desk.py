"""What a test of the torrent carrier has on its desk: a file, a torrent of it, a place to stage."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from herd.model import File, Source
from herd.transfer import Delivery, Staged, Wish
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_watch import SwarmPatience
from tests.tools.swarm import PIECE, Seed, Torrent, make_torrent, noise, own_host
from tests.tools.swarm_tracker import HttpTracker
from tests.transfer.desk import Notes, digest

SIZE = 20 * PIECE - 1000
BRISK = SwarmPatience(metadata=3, stalled=3, banned=0.5, tick=0.02)
"""For tests in which it must run out."""
CALM = SwarmPatience(metadata=60, stalled=60, banned=1, tick=0.02)
"""For tests in which it must not."""


class SwarmDesk:
    """One file of noise under way, and a torrent of it."""

    def __init__(self, folder: Path, *, size: int = SIZE) -> None:
        self.folder = folder
        self.content = noise(size)
        self.shelf = folder / "shelf"
        """Where seeds have their files."""
        self.shelf.mkdir()
        (self.shelf / "model.gguf").write_bytes(self.content)
        self.staged = Staged(folder / "staging" / "file.part")
        self.gauge = Notes()
        self.stop = threading.Event()

    def torrent(self, *trackers: str, version: int = 1, piece: int = PIECE) -> Torrent:
        return make_torrent(self.shelf / "model.gguf", trackers, version=version, piece=piece)

    @contextmanager
    def swarm(self, torrent: Torrent, *, seeds: int = 1, rate: int = 0) -> Iterator[Swarm]:
        """Seeds of the torrent, and a tracker that knows them."""
        with ExitStack() as stack:
            found = [
                stack.enter_context(Seed(torrent, self.shelf, rate=rate)) for _ in range(seeds)
            ]
            yield Swarm(found, stack.enter_context(HttpTracker(*[each.address for each in found])))

    def promise(self, *sources: Source) -> File:
        return File("model.gguf", sources, len(self.content), digest(self.content))

    def wish(self, source: Source, file: File | None = None) -> Wish:
        file = file or self.promise(source)
        return Wish(replace(file, sources=(source,)), source, self.staged, self.gauge, self.stop)

    def fetch(
        self, source: Source, file: File | None = None, patience: SwarmPatience = CALM
    ) -> Delivery:
        """Fetch from the source, by a carrier with an address of its own."""
        carrier = TorrentCarrier(patience, interface=own_host())
        return carrier.fetch(self.wish(source, file))

    @property
    def part(self) -> bytes:
        """What lies in the part."""
        return self.staged.part.read_bytes() if self.staged.part.exists() else b""

    @property
    def inside(self) -> Path:
        """Where the swarm's pieces lie until the file is whole."""
        return self.staged.beside(".torrent.d") / "model"


class Swarm:
    """Seeds and their tracker."""

    def __init__(self, seeds: list[Seed], tracker: HttpTracker) -> None:
        self.seeds = seeds
        self.tracker = tracker

    @property
    def uploaded(self) -> int:
        """Payload bytes of all seeds."""
        return sum(each.uploaded for each in self.seeds)
