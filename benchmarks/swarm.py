"""How fast a verified file comes out of a swarm, beside aria2c, and what mirrors add to it.

    python benchmarks/swarm.py [--size MIB] [--rounds N] [--only WORDS]

A file of random bytes is seeded on loopback by libtorrent, one seed to an address, with a
tracker; nginx has the same file. All cases run once in each round, in turns, each in a
process of its own and in memory that costs them the same (`warm.py`). herd's time ends
when the sha256 of the whole file is proved; aria2c and libtorrent alone, in a loop of a few lines
with herd's settings, prove pieces and nothing else: that is what one machine allows whoever
leaves the swarm to libtorrent. `x aria2c` is the median of (aria2c's time / the case's) within
each round, over as many seeds; `x better` is hybrid against the better of its halves. CPU seconds
are those of who fetches and, beside them, those of the seeds and nginx that give. `at most` is
what `x aria2c` could be if both together kept all processors of this machine busy to the end.

Needs aria2c and nginx; leaves out what is not installed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from warm import heat  # noqa: E402  # the path comes first

from tests.tools import nginx  # noqa: E402
from tests.tools.swarm import Seed, Torrent, describe, make_torrent  # noqa: E402
from tests.tools.swarm_tracker import HttpTracker  # noqa: E402

PIECE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Case:
    """One way to get the file."""

    name: str
    seeds: int
    has_mirror: bool = False
    peer: str = ""
    """The case that it is compared with."""


CASES = (
    Case("aria2c, magnet, 1 seed", 1),
    Case("herd, magnet, 1 seed", 1, peer="aria2c, magnet, 1 seed"),
    Case("libtorrent alone, 1 seed", 1, peer="aria2c, magnet, 1 seed"),
    Case("aria2c, magnet, 3 seeds", 3),
    Case("herd, magnet, 3 seeds", 3, peer="aria2c, magnet, 3 seeds"),
    Case("libtorrent alone, 3 seeds", 3, peer="aria2c, magnet, 3 seeds"),
    Case("herd, 1 mirror alone", 0, has_mirror=True),
    Case("herd, 1 seed + 1 mirror", 1, has_mirror=True),
    Case("herd, 1 seed + slow mirror", 1, has_mirror=True),
)


@dataclass(frozen=True)
class Took:
    """What one run took."""

    seconds: float
    processor: float
    """Seconds of the process that fetches, and of its children, since the clock started."""
    givers: float
    """Seconds of the processes that give."""
    memory: int
    """Bytes of its peak."""

    def least(self, cores: int) -> float:
        """Seconds that so many processors need at least for what was done on them."""
        return (self.processor + self.givers) / cores


@dataclass(frozen=True)
class Shelf:
    """The file, everywhere it can be had."""

    path: Path
    sha256: str
    torrent: Torrent
    seeds: tuple[tuple[str, int], ...]
    mirror: str
    givers: tuple[int, ...]
    """The processes that give it; their children give as well."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


def run(case: Case, shelf: Shelf, folder: Path) -> Took:
    """One case, once, in a process of its own.

    Args:
        case: Which.
        shelf: Where the file can be had.
        folder: Of all of them; `before` in it is that of the case before.
    """
    before, folder = folder / "before", folder / "now"
    folder.mkdir(parents=True)
    free = heat(folder.parent, shelf.size, before)
    with HttpTracker(*shelf.seeds[: case.seeds]) as tracker:
        magnet = f"magnet:?xt=urn:btih:{shelf.torrent.v1}&tr={tracker.url}"
        if case.name.startswith("aria2c"):
            words = ["aria2c", *ARIA2C, f"--dir={folder}", magnet]
        elif case.name.startswith("libtorrent"):
            words = [sys.executable, __file__, "--as-libtorrent", magnet, str(folder)]
        else:
            mirror = shelf.mirror if case.has_mirror else "-"
            if "slow" in case.name:
                mirror = mirror.replace("/model", "/slow/model")
            swarm = f"{shelf.torrent.v1} {tracker.url}" if case.seeds else "- -"
            words = [sys.executable, __file__, "--as-herd", *swarm.split(), mirror]
            words += [str(shelf.size), shelf.sha256, str(folder)]
        if case.name.startswith("aria2c"):
            free()  # it begins when it is started
        begun, gave = time.monotonic(), _spent(shelf.givers)
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None
        assert child.stdout is not None
        if not case.name.startswith("aria2c"):
            child.stdout.readline()  # it has imported what it needs
            free()
            begun, gave = time.monotonic(), _spent(shelf.givers)
        idle = 0.0 if case.name.startswith("aria2c") else _spent([child.pid])
        child.stdin.close()
        memory = 0
        while True:
            memory = max(memory, _held(child.pid))
            process, status, used = os.wait4(child.pid, os.WNOHANG)
            if process:
                break
            time.sleep(0.01)
        seconds = time.monotonic() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
    if child.returncode != 0:
        raise RuntimeError(f"{case.name} failed with {child.returncode}")
    gave = _spent(shelf.givers) - gave
    folder.rename(before)
    return Took(seconds, used.ru_utime + used.ru_stime - idle, gave, memory)


ARIA2C = (
    *("--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--no-conf=true"),
    *("--seed-time=0", "--quiet=true", "--file-allocation=none"),
)


def _spent(processes: Iterable[int]) -> float:
    """Seconds of processor that they and their children have taken."""
    ticks = 0
    for each in processes:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
        ticks += round(_spent(_children(each)) * os.sysconf("SC_CLK_TCK"))
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(each) for task in tasks for each in (task / "children").read_text().split()]


def _held(process: int) -> int:
    """Anonymous bytes that it and its children hold now; files that are mapped do not count."""
    held = 0
    with suppress(OSError, ValueError):
        status = Path(f"/proc/{process}/status").read_text()
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        held = int(lines.get("RssAnon", "0 kB").split()[0]) * 1024
        held += sum(_held(each) for each in _children(process))
    return held


def as_herd(words: list[str]) -> None:
    """The child: bring the file by herd's own carriers, and prove it."""
    from herd.model import File, InfoHash, MagnetSource, Sha256, Source, UrlSource
    from herd.progress import Gauge
    from herd.transfer import Staged, Transfer
    from herd.transfer.download import HttpCarrier
    from herd.transfer.swarm import TorrentCarrier

    v1, tracker, mirror, size, sha256, folder = words
    sources: list[Source] = []
    if v1 != "-":
        sources.append(MagnetSource(v1=InfoHash(v1), trackers=(tracker,)))
    if mirror != "-":
        sources.append(UrlSource(mirror))
    file = File("model.gguf", tuple(sources), int(size), Sha256(sha256))
    transfer = Transfer(
        {MagnetSource: TorrentCarrier(interface="127.9.9.9"), UrlSource: HttpCarrier()}
    )
    print("ready", flush=True)
    sys.stdin.read()
    transfer.fetch(file, Staged(Path(folder) / "x.part"), Gauge(), threading.Event())


def as_libtorrent(words: list[str]) -> None:
    """The child: bring the file by libtorrent alone, with herd's settings."""
    import libtorrent as lt

    from herd.transfer.swarm_settings import settings

    magnet, folder = words
    print("ready", flush=True)
    sys.stdin.read()
    session = lt.session(settings(interface="127.9.9.9"))
    params = lt.parse_magnet_uri(magnet)
    params.save_path = folder
    params.flags = lt.torrent_flags.sequential_download
    handle = session.add_torrent(params)
    while not handle.status(0).is_finished:
        session.wait_for_alert(50)
        session.pop_alerts()
    del handle, session  # returns when all is written


def show(took: dict[str, list[Took]], size: int) -> None:
    """The table: medians, and ratios within each round."""
    print(
        f"{'':26}{'MB/s':>6} {'(min-max)':>11} {'x aria2c':>9} {'CPU s/GiB':>10}"
        f" {'givers':>8} {'cores':>6} {'at most':>8} {'peak MB':>8}"
    )
    cores = len(os.sched_getaffinity(0))
    for case in CASES:
        if not (runs := took.get(case.name)):
            continue
        rates = [size / each.seconds / 1e6 for each in runs]
        span = f"({min(rates):.0f}-{max(rates):.0f})"
        scale = (1 << 30) / size
        processor = statistics.median(each.processor for each in runs) * scale
        givers = statistics.median(each.givers for each in runs) * scale
        busy = statistics.median((each.processor + each.givers) / each.seconds for each in runs)
        memory = statistics.median(each.memory for each in runs) / 1e6
        peers = took.get(case.peer, [])
        beside = _middle(
            [one.seconds / each.seconds for one, each in zip(peers, runs, strict=False)]
        )
        most = _middle(
            [one.seconds / each.least(cores) for one, each in zip(peers, runs, strict=False)]
        )
        print(
            f"{case.name:26}{statistics.median(rates):6.0f} {span:>11} {beside:>9}"
            f" {processor:10.2f} {givers:8.2f} {busy:6.2f} {most:>8} {memory:8.0f}"
        )
    alone, mirror, both = (took.get(each, []) for each in HALVES)
    better = [min(one.seconds, other.seconds) for one, other in zip(alone, mirror, strict=False)]
    ratios = [one / each.seconds for one, each in zip(better, both, strict=False)]
    if ratios:
        print(f"hybrid x better of its halves: {statistics.median(ratios):.2f}")


HALVES = ("herd, magnet, 1 seed", "herd, 1 mirror alone", "herd, 1 seed + 1 mirror")


def _middle(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f}" if ratios else ""


@contextmanager
def shelf_of(size: int, folder: Path) -> Iterator[Shelf]:
    """The file, its seeds and its mirror."""
    path = folder / "www" / "model.gguf"
    path.parent.mkdir()
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        for _ in range(size // PIECE):
            piece = os.urandom(PIECE)
            digest.update(piece)
            stream.write(piece)
    torrent = make_torrent(path, piece=PIECE)
    (folder / "model.torrent").write_bytes(torrent.raw)
    with ExitStack() as stack:
        words = [sys.executable, __file__, "--as-seeds", str(folder / "model.torrent")]
        seeding = stack.enter_context(
            subprocess.Popen(
                [*words, str(path.parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        assert seeding.stdin is not None
        assert seeding.stdout is not None
        stack.callback(seeding.stdin.close)
        found = [seeding.stdout.readline().split() for _ in range(3)]
        seeds = tuple((host, int(port)) for host, port in found)
        server = stack.enter_context(nginx.running(folder))
        givers = (seeding.pid, int((folder / "nginx.pid").read_text()))
        yield Shelf(path, digest.hexdigest(), torrent, seeds, f"{server}/model.gguf", givers)


def as_seeds(words: list[str]) -> None:
    """The child: three seeds, until nobody holds its stdin any more."""
    torrent = describe(Path(words[0]).read_bytes())
    with ExitStack() as stack:
        for _ in range(3):
            seed = stack.enter_context(Seed(torrent, Path(words[1])))
            print(*seed.address, flush=True)
        sys.stdin.read()


def main() -> None:
    """Parse, run, print."""
    if "--as-herd" in sys.argv:
        as_herd(sys.argv[2:])
        return
    if "--as-libtorrent" in sys.argv:
        as_libtorrent(sys.argv[2:])
        return
    if "--as-seeds" in sys.argv:
        as_seeds(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description="herd's swarms beside aria2c's")
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name has one of these, with commas")
    said = parser.parse_args()
    took: dict[str, list[Took]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with shelf_of(said.size << 20, folder) as shelf:
            for number in range(said.rounds):
                for case in CASES:
                    if not any(words in case.name for words in said.only.split(",")):
                        continue
                    if case.name.startswith("aria2c") and shutil.which("aria2c") is None:
                        continue
                    took.setdefault(case.name, []).append(run(case, shelf, folder / "theirs"))
                print(f"  round {number + 1} of {said.rounds}", file=sys.stderr)
            show(took, shelf.size)


if __name__ == "__main__":
    main()
