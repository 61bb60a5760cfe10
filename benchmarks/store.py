"""The store beside plain tools: proving beside sha256sum, repair, listing, import beside hashing.

    python -m benchmarks.store [--folder DIR] [--rounds 5] [--mib 512] [--files 100] [--each 100]
                                [--only import]

Every comparison runs in one interleaved run; medians and ratios are printed. Files are read
once before, so that all read from memory. `herd verify` runs as a command of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.chaos import gguf_head
from benchmarks.chaos_server import Paced
from herd.model import Format, Installed, InstalledFile, Licence, Sha256, Source, UrlSource
from herd.pieces import PIECE, Proof
from herd.places import places
from herd.store import Store

HERE = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run all of it."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="herd-store-", dir=options.folder) as name:
        folder = Path(name)
        parts: dict[str, Callable[[], None]] = {
            "verify": lambda: verifying(folder / "one", 1, options.mib << 20, options.rounds),
            "several": lambda: verifying(folder / "four", 4, options.mib << 18, options.rounds),
            "repair": lambda: repairing(folder / "repair", options.repair << 20),
            "list": lambda: listing(folder / "many", 1000, options.rounds),
            "import": lambda: importing(
                folder / "import", options.files, options.each * 1_000_000, options.rounds
            ),
        }
        for part in options.only or parts:
            parts[part]()
    return 0


def verifying(home: Path, count: int, size: int, rounds: int) -> None:
    """`herd verify` beside `sha256sum` of the same blobs."""
    store = _store(home)
    for number in range(count):
        _installed(store, f"m{number}", gguf_head() + _noise(number, size))
    blobs = [str(path) for path in sorted((home / "blobs" / "sha256").iterdir())]
    total = sum(Path(path).stat().st_size for path in blobs)

    def by_hand() -> None:
        for path in blobs:
            with Path(path).open("rb") as stream:
                hashlib.file_digest(stream, "sha256")

    ways: dict[str, Callable[[], object]] = {
        "herd verify": lambda: _herd(home, "verify", "-q"),
        "sha256sum": lambda: subprocess.run(["sha256sum", *blobs], stdout=-3, check=True),
        "hashlib, one thread": by_hand,
    }
    times = _interleaved(ways, rounds)
    print(f"\nproving {count} x {size >> 20} MiB", f"({rounds} rounds, medians)")
    for name, seconds in times.items():
        ratio = times["sha256sum"] / seconds
        print(f"  {name:<22}{seconds:>8.3f} s{total / seconds / 1e6:>9.0f} MB/s{ratio:>7.2f}x")
    shutil.rmtree(home)


def listing(home: Path, count: int, rounds: int) -> None:
    """`herd list` of many installed models, beside `herd --version`."""
    store = _store(home)
    one = _installed(store, "m0", gguf_head())
    for number in range(1, count):
        store.record(_named(one, f"m{number}"))
    ways: dict[str, Callable[[], object]] = {
        f"herd list ({count} models)": lambda: _herd(home, "list"),
        "herd --version": lambda: _herd(home, "--version"),
        "python -c pass": lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
    }
    print(f"\nlisting {count} models ({rounds} rounds, medians)")
    for name, seconds in _interleaved(ways, rounds).items():
        print(f"  {name:<26}{seconds:>8.3f} s")
    shutil.rmtree(home)


def importing(folder: Path, count: int, size: int, rounds: int) -> None:
    """`herd import` of many files by link, beside reading and hashing them."""
    theirs = folder / "theirs"
    theirs.mkdir(parents=True)
    block = _noise(1, size)
    for number in range(count):
        (theirs / f"model{number}-q4_0.gguf").write_bytes(gguf_head() + bytes([number]) + block)
    paths = sorted(theirs.iterdir())
    homes = (folder / f"home-{number}" for number in range(rounds + 1))
    threads = min(4, os.cpu_count() or 1)
    # herd keeps a piece table, too, which is the same hash once more over the same bytes: what
    # it can reach is "both hashes", and twice as long as one of them.

    def hashed() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_hashed, paths))

    def proved() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_proved, paths))

    ways: dict[str, Callable[[], object]] = {
        "herd import, by link": lambda: _herd(next(homes), "import", str(theirs), "-y", "-q"),
        "sha256sum": lambda: subprocess.run(["sha256sum", *paths], stdout=-3, check=True),
        f"sha256, {threads} threads": hashed,
        f"both hashes, {threads} threads": proved,
    }
    times = _interleaved(ways, rounds)
    print(f"\nimporting {count} x {size // 1_000_000} MB ({rounds} rounds, medians)")
    print(f"  {'':<26}{'':>10}  import takes so many times as long")
    for name, seconds in times.items():
        print(f"  {name:<26}{seconds:>8.3f} s{times['herd import, by link'] / seconds:>7.2f}x")
    shutil.rmtree(folder)


def repairing(home: Path, size: int) -> None:
    """`herd repair` of three damaged spots: what the server gives, and how long it takes."""
    store = _store(home)
    content = gguf_head() + _noise(7, size)
    with Paced(1000.0) as server:
        server.serve("/m.gguf", content)
        _installed(store, "m0", content, (UrlSource(server.url("/m.gguf")),))
        blob = next((home / "blobs" / "sha256").iterdir())
        blob.chmod(0o644)
        with blob.open("r+b") as stream:
            for share in (0.1, 0.5, 0.9):
                stream.seek(int(size * share))
                stream.write(b"damaged!")
        blob.chmod(0o444)
        begun = time.perf_counter()
        _herd(home, "repair", "m0", "-q")
        seconds = time.perf_counter() - begun
        _herd(home, "verify", "-q")
        print(f"\nrepairing three spots of {size >> 20} MiB: {seconds:.2f} s,", end=" ")
        print(f"{server.sent() / PIECE:.2f} pieces from the server; the digest holds")
    shutil.rmtree(home)


def _noise(seed: int, size: int) -> bytes:
    """Bytes that differ from piece to piece; random ones would take longer to make."""
    block = random.Random(seed).randbytes(1 << 20)
    count = -(-size // len(block))
    return b"".join(number.to_bytes(8) + block[8:] for number in range(count))[:size]


def _hashed(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _proved(path: Path) -> str:
    proof, buffer = Proof(path.stat().st_size), memoryview(bytearray(1 << 20))
    with path.open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer) or 0:
            proof.update(buffer[:count])
    return proof.sha256


def _interleaved(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median of each, taken in turns; one round before does not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if number:
                times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(each) for name, each in times.items()}


def _herd(home: Path, *words: str) -> None:
    env = {**os.environ, "HERD_HOME": str(home), "PYTHONPATH": f"{HERE}:{HERE / 'tui'}"}
    command = [sys.executable, "-m", "herd", *words]
    subprocess.run(command, env=env, stdout=-3, stderr=-3, check=True)


def _store(home: Path) -> Store:
    return Store(places({"HERD_HOME": str(home)}))


def _installed(
    store: Store, name: str, content: bytes, sources: tuple[Source, ...] = ()
) -> Installed:
    proof = Proof(len(content))
    proof.update(content)
    store.make()
    part = store.root / "staging" / f"{proof.sha256}.part"
    part.write_bytes(content)
    store.commit(part, proof.sha256, len(content), proof.table())
    file = InstalledFile(f"{name}.gguf", len(content), Sha256(proof.sha256), sources)
    installed = _of(name, file)
    store.record(installed)
    return installed


def _named(installed: Installed, name: str) -> Installed:
    return _of(name, installed.files[0])


def _of(name: str, file: InstalledFile) -> Installed:
    moment = "2026-01-01T00:00:00+00:00"
    licence = Licence("MIT")
    return Installed(name, "q4_0", name, Format.GGUF, (file,), moment, "here", True, licence)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", help="where the files lie meanwhile")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=512, help="size of the one large blob")
    parser.add_argument("--repair", type=int, default=1024, help="MiB of the blob to repair")
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--each", type=int, default=100, help="MB of each imported file")
    parser.add_argument(
        "--only",
        action="append",
        choices=("verify", "several", "repair", "list", "import"),
        help="this part alone; may be said several times",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
