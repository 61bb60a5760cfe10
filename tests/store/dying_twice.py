"""A program like `dying`, for the verbs that came later: each killed one step later every time.

    python -m tests.store.dying_twice FOLDER import|repair|prune|move|unpack

After every kill the models are whole or absent (a repair leaves the damaged bytes or the right
ones), the files of another tool are as they were, and the same verb once more ends as if
nothing had happened. It prints how many steps there were.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from herd import bundle as bundles
from herd import move_store
from herd.adopt import Adopter, Asked
from herd.foreign import look
from herd.piece_repair import PieceRepairer
from herd.progress import Gauge
from herd.repair import Repairer, Wanted
from herd.store import Store
from herd.store.proof import Work
from herd.transfer import Transfer
from herd.unpack import Unpacker, Unpacking
from herd.verify import verify
from tests.foreign.layouts import gguf
from tests.store.dying import copy, killed
from tests.store.models import bring, digest, is_whole, store_at

WEIGHTS, SECOND = gguf(1), gguf(2)


@dataclass(frozen=True)
class Scenario:
    prepare: Callable[[Path, Path], None]
    """Given the home and the folder of what is not herd's."""
    act: Callable[[Path, Path], None]
    names: tuple[set[str], set[str]]
    """The models before and after."""
    root: str = "."
    """Where the store is at the end."""


def nothing(home: Path, theirs: Path) -> None:
    store_at(home).make()
    (theirs / "m-q4_0.gguf").write_bytes(WEIGHTS)


def one_model(home: Path, theirs: Path) -> None:
    nothing(home, theirs)
    bring(store_at(home), "m:q4_0", m=WEIGHTS, eyes=SECOND)


def damaged(home: Path, theirs: Path) -> None:
    one_model(home, theirs)
    blob = store_at(home).blob(digest(WEIGHTS))
    blob.chmod(0o644)
    blob.write_bytes(WEIGHTS[:-1] + b"?")
    blob.chmod(0o444)


def littered(home: Path, theirs: Path) -> None:
    one_model(home, theirs)
    for number in range(3):
        (home / "staging" / f"{number:064x}.part").write_bytes(b"begun")
        (home / "blobs" / "sha256" / f"{number:064x}").write_bytes(b"nobody's")
    (home / "models" / "lost" / "q4").mkdir(parents=True)
    (home / "models" / "lost" / "q4" / "m.gguf").symlink_to("nowhere")


def bundled(home: Path, theirs: Path) -> None:
    one_model(theirs / "maker", theirs)
    store = store_at(theirs / "maker")
    bundles.write(store, store.own()[0], theirs / "stick", bundles.Work())
    store_at(home).make()


def adopt(home: Path, theirs: Path) -> None:
    store = store_at(home)
    store.sweep()
    (found,) = look(theirs / "m-q4_0.gguf")
    Adopter(store, lambda: ()).adopt(Asked(found))


def repair(home: Path, theirs: Path) -> None:
    store = store_at(home)
    Repairer(store, PieceRepairer(store, Transfer(), lambda: ())).repair(Wanted(None, (theirs,)))


def prune(home: Path, theirs: Path) -> None:
    store = store_at(home)
    store.prune(store.litter())


def move(home: Path, theirs: Path) -> None:
    old, new = store_at(home), store_at(home / "drive")
    move_store.clear(old, move_store.move(old, new, move_store.Work()))


def unpack(home: Path, theirs: Path) -> None:
    store = store_at(home)
    (folder,) = bundles.find(theirs / "stick")
    bundle = bundles.read(folder)
    Unpacker(store, PieceRepairer(store, Transfer(), lambda: ()), lambda: ()).unpack(
        Unpacking(bundle)
    )


SCENARIOS = {
    "import": Scenario(nothing, adopt, (set(), {"m"})),
    "repair": Scenario(damaged, repair, ({"m"}, {"m"})),
    "prune": Scenario(littered, prune, ({"m"}, {"m"})),
    "move": Scenario(one_model, move, ({"m"}, {"m"}), "drive"),
    "unpack": Scenario(bundled, unpack, (set(), {"m"})),
}


def main(folder: Path, verb: str) -> None:
    # A kill of the process asks nothing of the disk, and without it this is quick.
    setattr(os, "fsync", lambda _: None)  # noqa: B010
    scenario = SCENARIOS[verb]
    prepared, theirs = folder / "prepared", folder / "theirs"
    theirs.mkdir()
    prepared.mkdir()
    scenario.prepare(prepared, theirs)
    # Once in this process, so that every module is here before the first fork.
    copy(prepared, folder / "rehearsed")
    scenario.act(folder / "rehearsed", theirs)
    before = marks(theirs)
    step = 0
    while True:
        home = folder / f"step-{step}"
        copy(prepared, home)
        was_killed = killed(lambda at: scenario.act(at, theirs), home, step)
        check_between(home, scenario, is_damaged=verb == "repair")
        assert marks(theirs) == before
        scenario.act(home, theirs)
        check_after(home / scenario.root, scenario)
        assert marks(theirs) == before
        shutil.rmtree(home)
        if not was_killed:
            break
        step += 1
    print(step)  # noqa: T201


def check_between(home: Path, scenario: Scenario, *, is_damaged: bool) -> None:
    names: set[str] = set()
    for root in (home, home / "drive"):
        store = store_at(root)
        assert store.damaged() == ()
        for each in store.own():
            names.add(each.name)
            right = {digest(WEIGHTS), digest(WEIGHTS[:-1] + b"?")}
            primary = digest(store.blob(each.files[0].sha256).read_bytes())
            assert (primary in right) if is_damaged else is_whole(store, each)
    assert names in scenario.names, names


def check_after(root: Path, scenario: Scenario) -> None:
    store = store_at(root)
    store.sweep()
    assert {each.name for each in store.own()} == scenario.names[1]
    assert all(is_whole(store, each) for each in store.own())
    report = verify(store, None, Work(Gauge(), threading.Event()))
    assert report.is_sound, [(each.text, each.path) for each in report.findings]
    assert store.litter().is_empty, store.litter()
    assert has_tables(store)


def has_tables(store: Store) -> bool:
    files = [file for each in store.own() for file in each.files]
    return all(store.table(file.sha256, file.size) is not None for file in files)


def marks(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return {str(path): (s.st_ino, s.st_mode, s.st_size, s.st_mtime_ns) for path, s in found}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
