"""What a file of 100 GB costs beside one of 1 GB: its plan, its resume, and its progress.

    python benchmarks/growth.py [--sizes 1 100] [--megabytes 192]

The files are sparse, here and at the server or the seed, so no disk of 100 GB is needed. Each
is begun in a process (64 MB), stopped, and gone on with in another one, which is measured:

    plan      from the name to what `herd install --dry-run` shows
    resume    from the begin of the transfer to its first new byte
    progress  processor seconds for each GB that comes, the process that hashes included
    memory    at its peak, above the process that has just planned

That there is room for it is pretended, and room is not reserved.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import libtorrent as lt

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from herd.core import Herd  # noqa: E402  # the path comes first
from herd.errors import Interrupted  # noqa: E402
from herd.model import File, TorrentSource, UrlSource  # noqa: E402
from herd.places import places  # noqa: E402
from herd.progress import Gauge, Stage  # noqa: E402
from herd.staging import Staged  # noqa: E402
from herd.transfer import sheet  # noqa: E402
from herd.transfer.carrier import Wish  # noqa: E402
from herd.transfer.download import HttpCarrier  # noqa: E402
from herd.transfer.swarm import TorrentCarrier  # noqa: E402
from tests.faults.person import Person  # noqa: E402
from tests.tools.http_server import FileServer  # noqa: E402
from tests.tools.swarm import Seed, describe, own_host  # noqa: E402
from tests.tools.swarm_tracker import HttpTracker  # noqa: E402

MEGA = 1_000_000
BEGUN = 64 * MEGA
PIECE = 4 << 20
SHA256 = "a1" * 32
"""It is never reached."""


class Zeros(bytes):
    """So many bytes, made when they are asked for."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, span: object) -> bytes:  # type: ignore[override]  # slices alone
        assert isinstance(span, slice)
        return bytes((span.stop or self.count) - (span.start or 0))


def zeros(count: int) -> Zeros:
    made = Zeros()
    made.count = count
    return made


def torrent_of_zeros(size: int, tracker: str) -> bytes:
    """A .torrent (BEP 3) of such a file."""
    pieces, rest = divmod(size, PIECE)
    hashes = hashlib.sha1(bytes(PIECE)).digest() * pieces
    if rest:
        hashes += hashlib.sha1(bytes(rest)).digest()
    info = {b"name": b"tiny.gguf", b"length": size, b"piece length": PIECE, b"pieces": hashes}
    content = {b"announce": tracker.encode(), b"info": info}
    return bytes(lt.bencode(content))  # type: ignore[arg-type]  # the stubs know only str


@contextmanager
def over_http(size: int, folder: Path) -> Iterator[UrlSource]:
    with FileServer(zeros(size)) as server:
        server.keeps_alive = True
        source = UrlSource(server.url)
        Person(folder).is_offered(source, content=zeros(size), sha256=SHA256)
        yield source


@contextmanager
def from_a_swarm(size: int, folder: Path) -> Iterator[TorrentSource]:
    with (folder / "tiny.gguf").open("wb") as file:
        file.truncate(size)
    with HttpTracker() as tracker:
        torrent = describe(torrent_of_zeros(size, tracker.url))
        with Seed(torrent, folder) as seed, FileServer(torrent.raw, "127.0.0.3") as server:
            tracker.peers.append(seed.address)
            source = TorrentSource(server.url)
            Person(folder).is_offered(source, content=zeros(size), sha256=SHA256)
            yield source


KINDS = {"HTTP": over_http, "torrent": from_a_swarm}


class Meter:
    """Seconds, processor seconds and memory of this process and those that it started."""

    def __init__(self) -> None:
        self._begun, self._used, self._had = time.monotonic(), self._spent(), _memory("VmRSS")

    @property
    def seconds(self) -> float:
        """By the clock."""
        return time.monotonic() - self._begun

    @property
    def used(self) -> float:
        """Of processors."""
        return self._spent() - self._used

    @property
    def memory(self) -> int:
        """Bytes, at its peak."""
        return _memory("VmHWM") - self._had

    def _spent(self) -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime


def _memory(name: str) -> int:
    found = re.search(name + r":\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def as_herd(kind: str, address: str, size: int, folder: Path, wanted: int) -> None:
    """Plan and fetch so many new bytes; say what it took."""
    vars(sheet)["_reserve"] = lambda *_: False
    vars(shutil)["disk_usage"] = lambda _: SimpleNamespace(free=1 << 50)
    planning = Meter()
    herd = Herd(places({"HERD_HOME": str(folder)}))
    herd.plan(herd.choose("tiny"))
    plan = planning.seconds, planning.used
    source = UrlSource(address) if kind == "HTTP" else TorrentSource(address)
    carrier = HttpCarrier() if kind == "HTTP" else TorrentCarrier(dht=False, interface=own_host())
    gauge, stop = Gauge(), threading.Event()
    file = File("tiny.gguf", (source,), size, SHA256)
    wish = Wish(file, source, Staged(folder / "staging" / "tiny.part"), gauge, stop)
    meter, ended = Meter(), threading.Event()

    def fetch() -> None:
        try:
            carrier.fetch(wish)
        except Interrupted:
            ended.set()

    thread = threading.Thread(target=fetch)
    thread.start()
    had = first = None
    while thread.is_alive():
        shown = gauge.read()
        if shown.stage is Stage.FETCHING and shown.total:
            had = shown.done if had is None else had
            if first is None and shown.done > had:
                first = meter.seconds, meter.used
            if shown.done - had >= wanted:
                break
        time.sleep(0.002)
    stop.set()
    thread.join()
    assert ended.is_set()
    assert first is not None
    assert had is not None
    came = gauge.read().done - had
    progress = (meter.used - first[1]) / came * 1e9
    row = {"had": had, "plan": plan, "resume": first, "progress": progress}
    sys.stdout.write(json.dumps(row | {"memory": meter.memory}))


def measured(kind: str, size: int, megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as name, KINDS[kind](size, Path(name)) as source:
        address = source.url if isinstance(source, UrlSource) else source.location
        words = [sys.executable, __file__, "--as-herd", kind, address, str(size), name]
        for wanted in (BEGUN, megabytes * MEGA):
            ran = subprocess.run([*words, str(wanted)], check=True, stdout=subprocess.PIPE)
        row = json.loads(ran.stdout)
    print(
        f"{kind:8} {size / 1e9:5.0f} GB {row['had'] / 1e6:8.0f} MB"
        f" {row['plan'][0] * 1e3:8.0f} ms {row['plan'][1] * 1e3:6.0f} ms"
        f" {row['resume'][0] * 1e3:8.0f} ms {row['resume'][1] * 1e3:6.0f} ms"
        f" {row['progress']:8.2f} s/GB {row['memory'] / 1e6:7.0f} MB"
    )


def main() -> None:
    if sys.argv[1:2] == ["--as-herd"]:
        kind, address, size, folder, wanted = sys.argv[2:]
        as_herd(kind, address, int(size), Path(folder), int(wanted))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 100], help="GB")
    parser.add_argument("--megabytes", type=int, default=192, help="that come when it goes on")
    said = parser.parse_args()
    print(
        "              file    there        plan      CPU      resume      CPU   progress  memory"
    )
    for kind in KINDS:
        for size in said.sizes:
            measured(kind, size * 10**9, said.megabytes)


if __name__ == "__main__":
    main()
