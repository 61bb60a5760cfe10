"""A program that installs a ggml file again and again, each time killed one step later.

After every kill the model must be whole or absent, and the same order once more must end as
if nothing had happened, without fetching what had come. It prints how many steps there were.

    python -m tests.legacy.dying FOLDER promised|unpromised
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from herd.core import Herd
from herd.install import Order
from herd.model import Choice, File, Format, Installed, UrlSource
from tests.store.dying import killed
from tests.store.models import blobs, is_whole
from tests.tools.fakes import FakeCarrier, herd_at

from .old_file import old_file
from .orders import HOST, Stopping, choice_of, file_of

CONTENT = old_file().bytes
URL = f"{HOST}/old.bin"


def herd_in(home: Path) -> tuple[Herd, FakeCarrier]:
    carrier = FakeCarrier({URL: CONTENT})
    return herd_at(home, carrier), carrier


def choice(kind: str) -> Choice:
    if kind == "unpromised":
        file = File("old.bin", (UrlSource(URL),))
        return choice_of(file, form=Format.GGUF, is_offered=False)
    return choice_of(file_of("old.bin", CONTENT))


def install(home: Path, kind: str) -> Installed:
    # Every stretch that is converted is a step as well.
    order = Order(choice(kind), gauge=Stopping(lambda: sys.audit("os.rename")))
    return herd_in(home)[0].installer.install(order).installed


def main(folder: Path, kind: str) -> None:
    # A kill of the process asks nothing of the disk, and without it this is quick.
    setattr(os, "fsync", lambda _: None)  # noqa: B010
    expected = install(folder / "expected", "promised")  # and numpy is here before the first fork
    step = after_fetch = 0
    while True:
        home = folder / f"step-{step}"
        home.mkdir()
        was_killed = killed(lambda at: void(install(at, kind)), home, step)
        check_between(home, expected)
        after_fetch += goes_on(home, kind)
        check_after(home, expected)
        shutil.rmtree(home)
        if not was_killed:
            break
        step += 1
    print(step, after_fetch)  # noqa: T201


def goes_on(home: Path, kind: str) -> bool:
    """Give the same order once more; whether what had come was there already."""
    herd, carrier = herd_in(home)
    planned = herd.plan(choice(kind))
    herd.installer.install(Order(choice(kind)))
    had_come = planned.ground.is_installed or not planned.fetches
    assert had_come is not bool(carrier.asked) or kind == "unpromised"
    return not carrier.asked


def void(_: object) -> None:
    pass


def check_between(home: Path, expected: Installed) -> None:
    store = herd_at(home).store
    found = store.installed()
    assert all(each.files == expected.files for each in found), found
    assert store.damaged() == ()
    assert all(is_whole(store, each) for each in found)
    store.sweep()


def check_after(home: Path, expected: Installed) -> None:
    store = herd_at(home).store
    (found,) = store.installed()
    assert found.files == expected.files
    assert is_whole(store, found)
    store.sweep()
    assert blobs(home) == {expected.files[0].sha256}, blobs(home)
    assert not any((home / "staging").iterdir()), list((home / "staging").iterdir())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
