"""What kills cost a fetch from a swarm, in bytes.

    python benchmarks/swarm_faults.py [--size MIB] [--kills 20] [--rate MB] [--seeds N]

The process that fetches is killed (SIGKILL) at random instants and started again: bytes that
the seeds sent more than good pieces and blocks lie on the disk, for each kill, at full speed and at
`--rate` MB/s. Each ends with the digest. What was still in a socket when the process died was
sent for nothing, and counts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from herd.staging import Staged  # noqa: E402  # the path comes first
from herd.transfer.swarm_check import BLOCK, blocks_there, pieces_there  # noqa: E402
from herd.transfer.swarm_folder import SwarmFolder  # noqa: E402
from herd.transfer.torrent import read  # noqa: E402
from tests.tools.swarm import Seed, Torrent, make_torrent, own_host  # noqa: E402
from tests.tools.swarm_tracker import HttpTracker  # noqa: E402

PIECE = 4 << 20


@dataclass(frozen=True)
class Shelf:
    """The file that is fetched."""

    path: Path
    size: int
    sha256: str
    torrent: Torrent


def shelf_of(size: int, folder: Path) -> Shelf:
    folder.mkdir()
    path, digest = folder / "model.gguf", hashlib.sha256()
    with path.open("wb") as stream:
        for _ in range(size // PIECE):
            piece = os.urandom(PIECE)
            digest.update(piece)
            stream.write(piece)
    return Shelf(path, size, digest.hexdigest(), make_torrent(path, piece=PIECE))


def good(shelf: Shelf, staged: Staged) -> int:
    """Bytes on the disk that need not come again: right pieces, and blocks of those begun."""
    metainfo, file = read(shelf.torrent.raw), SwarmFolder(staged).file
    there = pieces_there(file, metainfo, 0, threading.Event(), lambda _: None)
    begun = blocks_there(file, metainfo, 0, there)
    return metainfo.size_of(0, there) + BLOCK * sum(map(sum, begun.values()))


def kills(shelf: Shelf, number: int, folder: Path, *, rate: float | None, seeds: int) -> None:
    chance, staged = random.Random(1), Staged(folder / "kills.part")
    lost: list[int] = []
    with ExitStack() as stack:
        each = int(rate * 1e6 / seeds) if rate else 0
        sent_by = [
            stack.enter_context(Seed(shelf.torrent, shelf.path.parent, rate=each))
            for _ in range(seeds)
        ]
        tracker = stack.enter_context(HttpTracker(*[seed.address for seed in sent_by]))
        assert shelf.torrent.v1 is not None

        def sent() -> int:
            return sum(seed.uploaded for seed in sent_by)

        words = [str(staged.part), str(shelf.size), shelf.sha256, shelf.torrent.v1, tracker.url]
        child = [sys.executable, "-m", "tests.transfer.swarm_dying", *words]
        for at in range(number):
            before, had = sent(), good(shelf, staged)
            goal = before + (shelf.size - had) / (number - at) * chance.random()
            process = subprocess.Popen(
                [*child, own_host()], cwd=HERE.parent, stdout=subprocess.DEVNULL
            )
            while sent() <= goal and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(0.5)  # until the seeds have noticed
            lost.append(sent() - before - (good(shelf, staged) - had))
        for seed in sent_by:
            seed.slow_down(0)
        last = subprocess.Popen([*child, own_host()], cwd=HERE.parent, stdout=subprocess.DEVNULL)
        while not staged.part.exists() and last.poll() is None:
            time.sleep(0.1)
        last.kill()
        last.wait()
        total = sent()
    with staged.part.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == shelf.sha256
    staged.part.unlink()
    speed = "at full speed" if rate is None else f"at {rate:.0f} MB/s"
    print(
        f"{number} kills {speed}, {seeds} seeds: {max(lost) / 1e6:.1f} MB at most and"
        f" {sum(lost) / len(lost) / 1e6:.1f} MB on average fetched again for each,"
        f" {total / shelf.size:.3f} of the file in all, digest right"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=10.0, help="MB/s of the slower run")
    parser.add_argument("--seeds", type=int, default=1)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shelf = shelf_of(said.size << 20, folder / "fast")
        kills(shelf, said.kills, folder, rate=None, seeds=said.seeds)
        short = shelf_of(min(said.size, 128) << 20, folder / "slow")
        kills(short, said.kills, folder, rate=said.rate, seeds=said.seeds)


if __name__ == "__main__":
    main()
