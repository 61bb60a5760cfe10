"""How fast a verified file comes over HTTP, beside curl and others that people use.

    python benchmarks/transfer.py [--size MIB] [--rounds N] [--tls] [--link [clean|0.5]]
                                  [--only NAME,...]

A file of random bytes comes from nginx on loopback. All clients run once in each round, in
turns, every other time in reverse (who comes right after curl was seen to be slower), each in
a process of its own; what Python clients import is imported before the clock starts. Right
before that a ballast is written and freed, so that all write into memory that the host did not
take back meanwhile (benchmarks/warm.py says what that costs otherwise). The table
has medians over the rounds; `x curl` is the median of (curl's time /
the client's) within each round. Who proves no digest is marked. `at most` is what `x curl` could
be at best if the client and nginx, with the CPU seconds that they took, kept all processors of
this machine busy to the end: who is near to it waits for nothing. `--link` goes over a link of
100 Mbit/s and 80 ms, clean and with 0.5 % loss, with the system's TCP at both ends; over the
lossy one a quarter of the file, which takes curl long enough.

herd is done when the file is verified, `herd install` when it is installed as well. Where the line
is faster than the processors, pieces are hashed after that: `herd install + pieces` waits for it.

Needs nginx, curl; leaves out what is not installed. `--link` needs network namespaces.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from transfer_clients import CLIENTS, PLAIN_ONLY, VERIFIES  # noqa: E402  # the path comes first
from transfer_link import SERVER, Link, enter, shaped  # noqa: E402
from warm import heat  # noqa: E402

from tests.tools import nginx  # noqa: E402

ON_A_LINK = ("curl", "herd", "herd x16", "aria2c -x4", "aria2c x16")
LINKS = {"clean": Link(12.5e6, 0.08), "0.5 % loss": Link(12.5e6, 0.08, 0.005)}
_UNITS = {"MB/s": 1e6, "Mbit/s": 1e6 / 8}


@dataclass(frozen=True)
class Served:
    """The file."""

    url: str
    size: int
    sha256: str
    there: tuple[str, ...] = ()
    """Words before a command that run it where the clients are."""
    server: int | None = None
    """The process that serves it, where that is on this machine and the line is no limit."""


@dataclass(frozen=True)
class Took:
    """What one run took."""

    seconds: float
    processor: float
    """Seconds, of the client and its children."""
    memory: int
    """Bytes of its peak, and of that of the processes that it started."""
    before: int
    """Bytes before it began."""
    serving: float | None
    """Seconds of the server's processor meanwhile, where they count."""


def run(name: str, served: Served, folder: Path) -> Took:
    """One client, once."""
    before_it = folder.with_name("before")
    if folder.exists():
        shutil.rmtree(before_it, ignore_errors=True)  # of one that could not begin
        folder.rename(before_it)
    folder.mkdir()
    words = [name, served.url, str(served.size), served.sha256, str(folder)]
    child = subprocess.Popen(
        [*served.there, sys.executable, str(HERE / "transfer_clients.py"), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        if child.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{name} is not installed")
        free = heat(folder.parent, served.size, before_it)
        before, idle = _resident(child.pid), _processor(child.pid)
        beside = _Children(child.pid)
        free()
        served_before = _processor(served.server) if served.server else 0.0
        begun = time.monotonic()
        child.stdin.write(b"go\n")
        child.stdin.flush()
        answer = child.stdout.readline()
        seconds = time.monotonic() - begun
        serving = _processor(served.server) - served_before if served.server else None
    finally:
        child.stdin.close()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if not answer.startswith(b"done"):
        raise RuntimeError(f"{name} failed")
    processor = used.ru_utime + used.ru_stime - idle
    # What the system calls the peak of a child counts its parent's, too.
    return Took(seconds, processor, int(answer.split()[1]) + beside.end(), before, serving)


class _Children(threading.Thread):
    """Looks at the processes that a client starts: the most memory that they held together."""

    def __init__(self, parent: int) -> None:
        super().__init__(daemon=True)
        self._parent = parent
        self._ended = threading.Event()
        self._most = 0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.05):
            held = 0
            with contextlib.suppress(OSError, ValueError, IndexError):
                for task in Path(f"/proc/{self._parent}/task").iterdir():
                    for each in (task / "children").read_text().split():
                        held += _resident(int(each))
            self._most = max(self._most, held)

    def end(self) -> int:
        """Bytes."""
        self._ended.set()
        self.join()
        return self._most


def _resident(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _processor(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(
    names: Sequence[str], served: Served, rounds: int, folder: Path, unit: str = "MB/s"
) -> None:
    """Run all of them in turns and print the table."""
    took: dict[str, list[Took]] = {name: [] for name in names}
    left = list(names)
    for number in range(rounds):
        for name in tuple(left if number % 2 == 0 else reversed(left)):
            try:
                took[name].append(run(name, served, folder))
            except (RuntimeError, FileNotFoundError) as error:
                print(f"  {error}", file=sys.stderr)
                left.remove(name)
        print(f"  round {number + 1} of {rounds}", file=sys.stderr)
    show(took, served.size, unit)


def show(took: dict[str, list[Took]], size: int, unit: str) -> None:
    """The table: medians, and ratios to curl in the same round."""
    curl = took.get("curl", [])
    print(
        f"{'':26}{unit:>6} {'(min-max)':>11} {'x curl':>7} {'CPU s/GiB':>10} "
        f"{'server':>7} {'at most':>8} {'MB over idle':>13}"
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for name, runs in took.items():
        if not runs:
            continue
        rates = [size / each.seconds / _UNITS[unit] for each in runs]
        ratios = [one.seconds / each.seconds for one, each in zip(curl, runs, strict=False)]
        processor = statistics.median(each.processor for each in runs) * (1 << 30) / size
        served = [each.serving for each in runs if each.serving is not None]
        serving = f"{statistics.median(served) * (1 << 30) / size:.2f}" if served else ""
        bounds = [
            one.seconds * (cores or 1) / (each.processor + each.serving)
            for one, each in zip(curl, runs, strict=False)
            if each.serving is not None
        ]
        most = f"{statistics.median(bounds):.2f}" if bounds else ""
        memory = statistics.median(each.memory - each.before for each in runs) / 1e6
        digits = 0 if max(rates) >= 60 else 1
        span = f"({min(rates):.{digits}f}-{max(rates):.{digits}f})"
        weight = f"{memory:13.0f}" if memory >= 0.5 else f"{'':13}"
        note = "" if name in VERIFIES else "  not verified"
        rate = statistics.median(rates)
        ratio = f"{statistics.median(ratios):.2f}" if ratios else ""
        print(
            f"{name:26}{rate:6.{digits}f} {span:>11} {ratio:>7} {processor:10.2f} "
            f"{serving:>7} {most:>8} {weight}{note}"
        )


def certificate(folder: Path) -> Path:
    """Key and certificate for 127.0.0.1 in one file."""
    key, cert, both = folder / "key", folder / "cert", folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + cert.read_text())
    os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(cert)
    return both


def make(path: Path, mebibytes: int) -> str:
    """Random bytes that begin as a model does; their digest."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for number in range(mebibytes):
            piece = (b"GGUF" if number == 0 else b"") + os.urandom((1 << 20) - 4 * (number == 0))
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def over_links(chosen: argparse.Namespace, folder: Path) -> None:
    """One link after the other."""
    only = [each for each in chosen.only.split(",") if each]
    for title, link in LINKS.items():
        mebibytes = max(1, chosen.size // 4) if link.loss else chosen.size
        sha256 = make(folder / "www" / "model.gguf", mebibytes)
        if chosen.link not in ("both", title.partition(" ")[0]):
            continue
        with shaped(link) as there, nginx.running(folder, host=SERVER) as address:
            print(f"\n{title}: 100 Mbit/s, 80 ms, {mebibytes} MiB")
            served = Served(f"{address}/model.gguf", mebibytes << 20, sha256, there)
            compare(only or ON_A_LINK, served, chosen.rounds, folder / "client", "Mbit/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--link", nargs="?", const="both", choices=("both", "clean", "0.5"))
    parser.add_argument("--only", default="", help="names, with commas")
    parser.add_argument("--folder", type=Path, default=None)
    chosen = parser.parse_args()
    if chosen.link:
        enter()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        (folder / "www").mkdir()
        if chosen.link:
            over_links(chosen, folder)
            return
        sha256 = make(folder / "www" / "model.gguf", chosen.size)
        pem = certificate(folder) if chosen.tls else None
        with nginx.running(folder, pem) as address:
            server = int((folder / "nginx.pid").read_text())
            served = Served(f"{address}/model.gguf", chosen.size << 20, sha256, server=server)
            only = [each for each in chosen.only.split(",") if each]
            usual = [each for each in CLIENTS if not each.endswith(" x16")]
            names = [each for each in usual if not (chosen.tls and each in PLAIN_ONLY)]
            compare(only or names, served, chosen.rounds, folder / "client")


if __name__ == "__main__":
    main()
