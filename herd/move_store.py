"""Moving a store to another folder, model by model, so that a kill leaves one that is whole.

On the same disk nothing is copied: the new store gets second names for the same files. To
another disk every byte is copied and proved. The old store is cleared only after the new
one has everything and is the one in force.
"""

from __future__ import annotations

import errno
import shutil
import threading
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path

from herd import disk, proving
from herd.errors import BadUsage, DigestMismatch, Interrupted
from herd.model import Installed, InstalledFile
from herd.pieces import Proof
from herd.progress import Gauge, Stage
from herd.staging import Staged, discard
from herd.store import Store
from herd.store.whole import SUFFIX as PAPER
from herd.transfer import ledger

_FOLDERS = ("blobs", "pieces", "models", "manifests", "staging", "locks")


@dataclass(frozen=True)
class Work:
    """What whoever asks gives with it."""

    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """End here if the person wants it to end.

        Raises:
            Interrupted: they do.
        """
        if self.stop.is_set():
            raise Interrupted("Moving was stopped.", "The same command goes on from there.")


def check(old: Store, folder: Path) -> None:
    """Refuse a folder that cannot become the store.

    Raises:
        BadUsage: it lies within the old one, or has other things in it.
    """
    root, wanted = old.root.resolve(), folder.resolve()
    if wanted == root or any(wanted.is_relative_to(root / name) for name in _FOLDERS):
        raise BadUsage(f"{folder} is in the store that is to be moved.", "Name another folder.")
    others = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    if others - set(_FOLDERS):
        raise BadUsage(f"{folder} has other things in it.", "Name a folder that is empty or new.")


def move(old: Store, new: Store, work: Work) -> tuple[Installed, ...]:
    """Have every model of one store in another one too.

    Raises:
        DigestMismatch: a blob is damaged; the models before it are there.
        NoRoom, CannotWrite, Busy, Interrupted: the same again goes on.
    """
    models = old.own()
    work.gauge.begin(Stage.COPYING, sum(model.size for model in models), note=str(new.root))
    there = {each.reference: each for each in new.own()}
    for model in models:
        if there.get(model.reference) == model:
            work.gauge.advance(model.size)
            continue
        with (
            old.hold(model.reference, while_waiting=work.check),
            new.hold(model.reference, while_waiting=work.check),
        ):
            files = tuple(_file(file, old, new, work) for file in model.files)
            new.record(replace(model, files=files))
    return models


def carry(old: Store, new: Store, work: Work) -> int:
    """Have what was begun go on in another store; how many files still stay, in somebody's hands.

    Raises:
        NoRoom, CannotWrite, Interrupted: the same again goes on.
    """
    new.make()
    for path in old.unused():
        # Whole files of models of which others are still missing.
        work.check()
        proof = proving.prove(path, lambda _: work.check())
        if proof.sha256 == path.name:
            new.adopt(path, proof, copies=not _are_near(path, new.root))
            old.drop([proof.sha256])
    with disk.writing(new.root):
        for paper in old.staging.glob("*" + PAPER):
            _move(paper, new.staging / paper.name)
    left = 0
    for each in old.begun():
        work.check()
        with old.alone_with(each) as is_alone, disk.writing(new.root):
            if is_alone:
                _carry(each.staged, Staged(new.staging / each.staged.part.name))
            left += not is_alone
    return left


def _carry(old: Staged, new: Staged) -> None:
    """Move a part and what carriers keep beside it; the part last, so that a kill loses none."""
    if not new.part.exists():
        names = (each.name for each in old.part.parent.glob(escape(old.part.name) + "?*"))
        for name in sorted(names):
            _move(old.part.with_name(name), new.part.with_name(name))
        if old.part.exists():
            try:
                disk.replace(old.part, new.part)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                fresh = new.beside(".moving")
                shutil.copyfile(old.part, fresh)
                disk.fsync(fresh)
                ledger.moved(new, fresh)
                disk.replace(fresh, new.part)
    discard(old)


def _move(old: Path, new: Path) -> None:
    """Move a small file or a folder beside a part; what an earlier try left half goes."""
    if new.is_dir() and not new.is_symlink():
        shutil.rmtree(new)
    try:
        old.replace(new)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The old one stays until the part is there, too.
        shutil.copytree(old, new) if old.is_dir() else shutil.copyfile(old, new)


def clear(old: Store, moved: tuple[Installed, ...]) -> int:
    """Take what was moved out of the old store; bytes freed."""
    return sum(old.remove(model) for model in moved if model in old.own())


def _file(file: InstalledFile, old: Store, new: Store, work: Work) -> InstalledFile:
    work.check()
    if new.has(file.sha256, file.size):
        work.gauge.advance(file.size)
        return file
    source = old.blob(file.sha256)
    is_link = source.is_symlink()
    near = _are_near(source, new.root)
    proof = _proof(source, file, work)
    path = source.resolve() if is_link else source
    had = new.adopt(path, proof, copies=not (near or is_link))
    is_own = had is not None and not had.way.is_foreign
    return replace(file, adopted=None) if is_own else file


def _proof(source: Path, file: InstalledFile, work: Work) -> Proof:
    def took(count: int) -> None:
        work.check()
        work.gauge.advance(count)

    proof = proving.prove(source, took)
    if proof.sha256 != file.sha256:
        raise DigestMismatch(
            f"{file.name} is damaged in the store, and was not moved.",
            "`herd repair --all` mends it; then type the same again.",
        )
    return proof


def _are_near(source: Path, root: Path) -> bool:
    """Whether both are on one disk."""
    folder = next(each for each in (root, *root.parents) if each.exists())
    return source.lstat().st_dev == folder.stat().st_dev
