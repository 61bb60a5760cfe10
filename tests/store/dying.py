"""A program that does one verb on a store again and again, each time killed one step later.

After every kill the store must hold the old models or the new ones, whole; the same
verb once more must end as if nothing had happened. It prints how many steps there were.

    python -m tests.store.dying FOLDER VERB
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from herd import disk
from herd.model import Installed, InstalledFile
from herd.store import Store
from herd.store.tables import table_of
from tests.store.models import Contents, blobs, digest, install, is_whole, links, model, store_at

OLD: Contents = {"one.gguf": b"shared", "two.gguf": b"old second", "three.gguf": b"old third"}
NEW: Contents = {"one.gguf": b"shared", "two.gguf": b"new second"}
CHANGES = {
    "os.rename", "os.remove", "os.rmdir", "os.mkdir",
    "os.link", "os.symlink", "os.chmod", "os.truncate",
}  # fmt: skip

Models = dict[Installed, Contents]


def scenario(verb: str) -> tuple[Models, Models, Callable[[Path], None]]:
    """The models before, the models after, and what makes the difference."""
    neighbour = {model("beside", {"n.gguf": b"shared"}): {"n.gguf": b"shared"}}
    old, new = model("tiny", OLD), model("tiny", NEW)
    before, after = neighbour | {old: OLD}, neighbour | {new: NEW}

    def bring(home: Path) -> None:
        install(store_at(home), new, NEW)

    def take(home: Path) -> None:
        store = store_at(home)
        store.sweep()
        if old in store.installed():
            store.remove(old)

    return {
        "first": ({}, {new: NEW}, bring),
        "install": (neighbour, after, bring),
        "replace": (before, after, bring),
        "remove": (before, neighbour, take),
    }[verb]


def main(folder: Path, verb: str) -> None:
    # A kill of the process asks nothing of the disk, and without it this is quick.
    setattr(os, "fsync", lambda _: None)  # noqa: B010
    before, after, act = scenario(verb)
    prepared = folder / "prepared"
    prepared.mkdir()
    for installed, contents in before.items():
        install(store_at(prepared), installed, contents)
    step = 0
    while True:
        home = folder / f"step-{step}"
        copy(prepared, home)
        was_killed = killed(act, home, step)
        check_between(home, before, after)
        act(home)
        check_after(home, after)
        shutil.rmtree(home)
        if not was_killed:
            break
        step += 1
    print(step)  # noqa: T201


def killed(act: Callable[[Path], None], home: Path, step: int) -> bool:
    """Do it in a child that dies before its step-th change; False if it came to its end."""
    child = os.fork()
    if child == 0:
        die_at(step)
        act(home)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def die_at(step: int) -> None:
    left = step

    def change() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def hook(event: str, args: tuple[object, ...]) -> None:
        opens = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if opens or event in CHANGES:
            change()

    def torn(path: Path, content: bytes, write: Callable[[Path, bytes], None] = disk.write) -> None:
        write(path, content[: len(content) // 2])
        change()
        write(path, content)

    disk.write = torn
    sys.addaudithook(hook)


def check_between(home: Path, before: Models, after: Models) -> None:
    store = store_at(home)
    found = set(store.installed())
    assert found in (set(before), set(after)), found
    assert store.damaged() == ()
    assert all(is_whole(store, each) for each in found)
    store.sweep()
    assert links(home) == expected_links(after if found == set(after) else before)


def expected_links(models: Models) -> dict[str, bytes]:
    return {
        f"{each.name}/{each.variant}/{name}": content
        for each, contents in models.items()
        for name, content in contents.items()
    }


def check_after(home: Path, after: Models) -> None:
    store = store_at(home)
    assert set(store.installed()) == set(after)
    assert all(is_whole(store, each) for each in after)
    assert links(home) == expected_links(after)
    wanted = {digest(content) for contents in after.values() for content in contents.values()}
    assert blobs(home) == wanted, blobs(home) ^ wanted
    assert {path.name for path in (home / "pieces").iterdir()} == wanted
    assert all(has_table(store, file) for each in after for file in each.files)
    assert not any((home / "staging").iterdir())
    papers = [path for path in (home / "manifests").rglob("*") if path.is_file()]
    assert all(path.suffix == ".json" for path in papers), papers


def has_table(store: Store, file: InstalledFile) -> bool:
    table = store.table(file.sha256, file.size)
    return table == table_of(store.blob(file.sha256))


def copy(source: Path, target: Path) -> None:
    """The same tree, with links to the same bytes where the source has them."""
    seen: dict[int, Path] = {}
    target.mkdir()
    for path in sorted(source.rglob("*")):
        there = target / path.relative_to(source)
        if path.is_symlink():
            there.symlink_to(path.readlink())
        elif path.is_dir():
            there.mkdir()
        elif known := seen.get(path.stat().st_ino):
            there.hardlink_to(known)
        else:
            shutil.copy2(path, there)
            seen[path.stat().st_ino] = there


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
