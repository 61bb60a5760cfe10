"""Kills at random instants of every verb that changes a store, and what is left after each.

A verb runs in a child that is killed (SIGKILL) after a random time, up to three times in a
row; after each kill every installed model is proved, byte for byte, and the files of other
tools are compared with what they were. Then the verb runs to its end, and the store must be
what it would be without a kill. Bytes are counted at the server.

    python -m benchmarks.chaos [--kills 200] [--seed 1] [--mib 24] [--rate 60]

The same seed chooses the same verbs and the same shares of each verb's time. Prints a table:
kills by verb, and the bytes that were fetched again for each kill. Exit code 1 at the first
state that should not be.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos_server import Paced
from herd import move_store
from herd.adopt import Asked
from herd.bundle import Work as Writing
from herd.bundle import find, read, write
from herd.core import Herd
from herd.foreign import look
from herd.install import Order
from herd.model import Installed
from herd.pieces import PIECE
from herd.places import places
from herd.progress import Gauge
from herd.repair import Wanted
from herd.resolve import Promise
from herd.store import Store
from herd.store.proof import Work as Proving
from herd.unpack import Unpacking
from herd.verify import verify
from tests.legacy.old_file import old_file

Act = Callable[[Path], None]
MOST_KILLS_IN_A_ROW = 3


@dataclass(frozen=True)
class Verb:
    """A verb, what it begins with and what it must end with."""

    name: str
    prepare: Act
    act: Act
    expected: frozenset[str]
    """The models that are installed at its end."""
    fetches: int = 0
    """Bytes that it takes from the server when nobody kills it."""


@dataclass
class Tally:
    """What was counted."""

    kills: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    again: dict[str, list[float]] = field(default_factory=dict)
    """Pieces fetched again for each kill, by verb."""


class Ground:
    """The bytes, the server and the folders that all runs share."""

    def __init__(self, folder: Path, size: int, server: Paced, seed: int) -> None:
        self.folder = folder
        self.server = server
        self.weights = gguf_head() + random.Random(seed).randbytes(size)
        self.old = old_file().bytes
        server.serve("/m.gguf", self.weights)
        self.theirs = folder / "theirs"
        (self.theirs / "models").mkdir(parents=True)
        (self.theirs / "models" / "their-q4_0.gguf").write_bytes(self.weights + b"theirs")
        (self.theirs / "old.bin").write_bytes(self.old)
        self.marks = _marks(self.theirs)
        self._bundle()

    def herd(self, home: Path) -> Herd:
        """A herd at a home of its own."""
        return Herd(places({"HERD_HOME": str(home), "HERD_SYSTEM": str(home / "none")}))

    def offer(self, home: Path) -> None:
        """A home that knows the model of the server."""
        registry = home / "registries" / "test.yaml"
        registry.parent.mkdir(parents=True)
        registry.write_text(json.dumps(_registry(self.server.url("/m.gguf"), self.weights)))

    def installed(self, home: Path) -> None:
        """A home in which that model is installed, from the bundle."""
        self.offer(home)
        self._unpack(home)

    def verbs(self) -> list[Verb]:
        """Every verb that changes a store."""
        whole = len(self.weights)
        return [
            Verb("install", self.offer, self._install, frozenset({"chaos"}), whole),
            Verb("convert", self.offer, self._convert, frozenset({"old"})),
            Verb("import", self.offer, self._adopt, frozenset({"their"})),
            Verb("import DIR", self.offer, self._unpack, frozenset({"chaos"})),
            Verb("remove", self.installed, self._remove, frozenset()),
            Verb("repair", self._damaged, self._repair, frozenset({"chaos"}), 3 * PIECE),
            Verb("prune", self._littered, self._prune, frozenset({"chaos"})),
            Verb("move-store", self.installed, self._move, frozenset({"chaos"})),
        ]

    def _bundle(self) -> None:
        home = self.folder / "maker"
        self.offer(home)
        self._install(home)
        write(
            self.herd(home).store, self.herd(home).store.own()[0], self.folder / "stick", Writing()
        )

    def _install(self, home: Path) -> None:
        herd = self.herd(home)
        herd.installer.install(Order(herd.choose("chaos")))

    def _convert(self, home: Path) -> None:
        herd = self.herd(home)
        promise = Promise(name="old", template="plain")
        herd.installer.install(Order(herd.choose(str(self.theirs / "old.bin"), promise)))

    def _adopt(self, home: Path) -> None:
        (found,) = look(self.theirs / "models")
        self.herd(home).adopter.adopt(Asked(found))

    def _unpack(self, home: Path) -> None:
        (folder,) = find(self.folder / "stick")
        self.herd(home).unpacker.unpack(Unpacking(read(folder), is_offline=True))

    def _remove(self, home: Path) -> None:
        store = self.herd(home).store
        store.sweep()
        for model in store.own():
            store.remove(model)

    def _damaged(self, home: Path) -> None:
        self.installed(home)
        (model,) = self.herd(home).store.own()
        blob = self.herd(home).store.blob(model.files[0].sha256)
        blob.chmod(0o644)
        with blob.open("r+b") as stream:
            for piece in (0, 2, 4):
                stream.seek(piece * PIECE + 99)
                stream.write(b"damaged!")
        blob.chmod(0o444)

    def _repair(self, home: Path) -> None:
        self.herd(home).repairer.repair(Wanted(None))

    def _littered(self, home: Path) -> None:
        self.installed(home)
        for number in range(20):
            (home / "staging" / f"{number:064x}.part").write_bytes(bytes(1000))
            (home / "blobs" / "sha256" / f"{number:064x}").write_bytes(bytes(1000))

    def _prune(self, home: Path) -> None:
        store = self.herd(home).store
        store.prune(store.litter())

    def _move(self, home: Path) -> None:
        old = Store(places({"HERD_HOME": str(home)}))
        new = Store(places({"HERD_HOME": str(home / "drive")}))
        move_store.clear(old, move_store.move(old, new, move_store.Work()))


def main() -> int:
    """Run it; the exit code."""
    options = _options()
    # A kill of the process asks nothing of the disk, and without it this is quick.
    setattr(os, "fsync", lambda _: None)  # noqa: B010
    rng, tally = random.Random(options.seed), Tally()
    with tempfile.TemporaryDirectory(prefix="herd-chaos-") as name, Paced(options.rate) as server:
        ground = Ground(Path(name), options.mib << 20, server, options.seed)
        verbs = [each for each in ground.verbs() if each.name in (options.only or [each.name])]
        times = {verb.name: _time(ground, verb) for verb in verbs}
        while sum(tally.kills.values()) < options.kills:
            verb = verbs[sum(tally.runs.values()) % len(verbs)]
            _one(ground, verb, times[verb.name], rng, tally)
    _print(tally, times)
    return 0


def _one(ground: Ground, verb: Verb, seconds: float, rng: random.Random, tally: Tally) -> None:
    """A verb, killed some times, looked at after each, run to its end, looked at again."""
    home = ground.folder / "home"
    verb.prepare(home)
    before = ground.server.sent()
    tally.runs[verb.name] += 1
    kills = 0
    for share in [rng.random() for _ in range(rng.randint(1, MOST_KILLS_IN_A_ROW))]:
        kills += _killed(verb.act, home, share * seconds)
        _check_between(ground, verb, home)
    tally.kills[verb.name] += kills
    _expect(not _killed(verb.act, home, 120.0), f"{verb.name} did not end")
    again = ground.server.sent() - before - verb.fetches
    if verb.fetches and kills:
        tally.again.setdefault(verb.name, []).append(again / PIECE / kills)
    _check_after(ground, verb, home)
    shutil.rmtree(home)


def _time(ground: Ground, verb: Verb) -> float:
    home = ground.folder / "home"
    verb.prepare(home)
    begun = time.monotonic()
    _expect(not _killed(verb.act, home, 120.0), f"{verb.name} did not end")
    seconds = time.monotonic() - begun
    _check_after(ground, verb, home)
    shutil.rmtree(home)
    return seconds


def _killed(act: Act, home: Path, seconds: float) -> bool:
    """Do it in a child that has so many seconds; whether it was killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act(home)
            code = 0
        finally:
            if code:
                import traceback

                traceback.print_exc()
            os._exit(code)
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _expect(os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, "the verb failed")
            return False
        left = end - time.monotonic()
        if left <= 0:
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            return os.WIFSIGNALED(status)
        time.sleep(min(left, 0.002))


def _check_between(ground: Ground, verb: Verb, home: Path) -> None:
    """What must hold whatever was killed: models are whole or absent, theirs is untouched."""
    _expect(_marks(ground.theirs) == ground.marks, "the files of another tool changed")
    for root in (home, home / "drive"):
        store = ground.herd(root).store
        _expect(store.damaged() == (), "a manifest is torn")
        for model in store.own():
            old = verb.name == "repair"
            _expect(old or _is_whole(store, model), f"{model.reference} is not whole")
            _expect(
                model.name in verb.expected or verb.name == "remove", "a model came from nowhere"
            )
    if verb.name in ("repair", "prune"):
        _expect(_names(ground, home) == verb.expected, "an installed model is gone")
    if verb.name == "move-store":
        _expect(
            _names(ground, home) | _names(ground, home / "drive") == verb.expected, "it is lost"
        )


def _check_after(ground: Ground, verb: Verb, home: Path) -> None:
    """The store as it would be if nobody had killed anything."""
    root = home / "drive" if verb.name == "move-store" else home
    store = ground.herd(root).store
    store.sweep()
    _expect(_names(ground, root) == verb.expected, f"{verb.name} ended with other models")
    report = verify(store, None, Proving(Gauge(), threading.Event()))
    _expect(report.is_sound, f"after {verb.name}: {[each.text for each in report.findings]}")
    _expect(store.begun() == (), f"after {verb.name} something is left in staging")
    _expect(store.unused() == (), f"after {verb.name} a blob of no model is left")
    for model in store.own():
        for file in model.files:
            _expect(store.table(file.sha256, file.size) is not None, "a blob has no table")
    _expect(_marks(ground.theirs) == ground.marks, "the files of another tool changed")


def _is_whole(store: Store, model: Installed) -> bool:
    report = verify(store, (model,), Proving(Gauge(), threading.Event()))
    return not any(finding.flaw.is_of_bytes for finding in report.findings)


def _names(ground: Ground, home: Path) -> frozenset[str]:
    return frozenset(each.name for each in ground.herd(home).store.own())


def _marks(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return {str(path): (s.st_ino, s.st_mode, s.st_size, s.st_mtime_ns) for path, s in found}


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"chaos: {otherwise}")


def gguf_head() -> bytes:
    """A header that says nothing but its architecture."""
    key, value = b"general.architecture", b"llama"
    row = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(value)) + value
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + row


def _registry(url: str, content: bytes) -> dict[str, object]:
    import hashlib

    sha256 = hashlib.sha256(content).hexdigest()
    file = {"name": "chaos.gguf", "size": len(content), "sha256": sha256, "sources": [{"url": url}]}
    model = {
        "title": "Chaos",
        "licence": {"id": "MIT"},
        "default": "q4_0",
        "variants": {"q4_0": {"files": [file]}},
    }
    return {"schema": 1, "registry": {"name": "test"}, "models": {"chaos": model}}


def _print(tally: Tally, times: dict[str, float]) -> None:
    print(f"{'verb':<12}{'runs':>6}{'kills':>7}{'seconds':>9}   pieces fetched again for each kill")
    for name, seconds in times.items():
        again = sorted(tally.again.get(name, []))
        words = f"median {again[len(again) // 2]:.2f}, most {again[-1]:.2f}" if again else ""
        print(f"{name:<12}{tally.runs[name]:>6}{tally.kills[name]:>7}{seconds:>9.3f}   {words}")
    print(f"{'all':<12}{sum(tally.runs.values()):>6}{sum(tally.kills.values()):>7}")
    print("no model was corrupt or half installed, and nothing of another tool changed")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="VERB", action="append", help="of the verbs, this one")
    parser.add_argument("--mib", type=int, default=24, help="size of the model")
    parser.add_argument("--rate", type=float, default=60.0, help="MB/s that the server gives")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
