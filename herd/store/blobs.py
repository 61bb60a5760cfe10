"""Verified files by their digest, read-only, each stored once."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from herd import disk
from herd.disk import Mark
from herd.errors import BadUsage, DigestMismatch
from herd.model import Sha256, is_sha256
from herd.store import adopting
from herd.store.adopting import Had, Way
from herd.store.hold import Hold
from herd.store.lock import lock

READ_ONLY = 0o444
_FRESH = ".new"


class Blobs:
    """The blobs of a store. Every method may raise OSError."""

    def __init__(self, folder: Path, alone: Callable[[], AbstractContextManager[object]]) -> None:
        """Touches nothing.

        Args:
            folder: Where they lie.
            alone: Within it nobody else gives a blob its name or takes one away.
        """
        self._folder = folder
        self._alone = alone

    def path(self, sha256: Sha256) -> Path:
        """Where the blob lies or would lie.

        Raises:
            BadUsage: that is no digest.
        """
        if not is_sha256(sha256):
            raise BadUsage(f"{sha256[:80]!r} is no sha256.")
        return self._folder / sha256

    def has(self, sha256: Sha256, size: int | None) -> bool:
        """Whether the blob is there, of this size if one is given."""
        path = self.path(sha256)
        return path.is_file() and (size is None or path.stat().st_size == size)

    def commit(self, part: Path, sha256: Sha256, size: int, hold: Hold) -> Path:
        """Give a verified part its final name; nothing to do where the blob is there already.

        Raises:
            DigestMismatch: the part has another size than was verified.
        """
        target = self.path(sha256)
        if hold.claim(target) and self.has(sha256, size):
            disk.remove(part)
            return target
        if part.is_symlink() or part.stat().st_size != size:
            raise DigestMismatch(
                f"{part.name} changed after it was verified.", "Run the same command again."
            )
        try:
            self._enter(part, target, hold)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._enter(self._copied(part, target, hold), target, hold)
            disk.remove(part)
        return target

    def adopt(
        self, path: Path, sha256: Sha256, ways: Sequence[Way], hold: Hold, before: Mark | None
    ) -> Had | None:
        """Have the bytes of a file of another tool, which is not changed; how that was done.

        Args:
            path: The file, whose digest was verified; no link.
            sha256: Its digest.
            ways: What to try, in this order.
            hold: Keeps the blob.
            before: How the file stood before it was read; by default as it stands now.

        Returns:
            The way that worked, and why; None where the blob was there already.

        Raises:
            DigestMismatch: the file was written to meanwhile.
        """
        target = self.path(sha256)
        if hold.claim(target) and self.has(sha256, None):
            return None
        before = before or disk.mark(path)
        fresh = self._fresh(target)
        try:
            had = adopting.have(path, fresh, ways)
            hold.claim(fresh)
            if disk.mark(path) != before:
                raise DigestMismatch(f"{path} changed while it was imported.")
            with self._alone():
                if hold.claim(target):
                    return None
                disk.replace(fresh, target)
        finally:
            disk.remove(fresh)
        return had

    def copy(self, sha256: Sha256, part: Path) -> bool:
        """Copy a blob to where it can be worked on; False if it is gone."""
        fresh = part.with_name(part.name + _FRESH)
        try:
            adopting.have(self.path(sha256), fresh, adopting.OWN)
        except FileNotFoundError:
            return False
        fresh.chmod(0o644)
        disk.replace(fresh, part)
        return True

    def make_own(self, sha256: Sha256) -> None:
        """Put a copy of the store's own in the place of a blob that is another tool's file."""
        target = self.path(sha256)
        fresh = self._fresh(target)
        try:
            adopting.have(target, fresh, adopting.OWN)
            disk.replace(fresh, target)
        finally:
            disk.remove(fresh)

    def remove(self, sha256: Sha256) -> int | None:
        """Remove a blob: bytes freed, None when an install that runs now needs it."""
        return _remove(self.path(sha256))

    def sweep(self) -> int:
        """Remove copies that a kill left half; bytes freed."""
        return sum(_remove(each) or 0 for each in self._folder.glob("*" + _FRESH))

    def digests(self) -> set[Sha256]:
        """The digests of all that are there."""
        if not self._folder.is_dir():
            return set()
        names = (path.name for path in self._folder.iterdir())
        return {Sha256(name) for name in names if is_sha256(name)}

    def _enter(self, part: Path, target: Path, hold: Hold) -> None:
        """Give bytes their name, unless somebody did so meanwhile: nobody's claim may go stale."""
        disk.fsync(part)
        hold.claim(part)
        size = part.stat().st_size
        with self._alone():
            if hold.claim(target) and target.stat().st_size == size:
                disk.remove(part)
                return
            part.chmod(READ_ONLY)
            disk.replace(part, target)

    def _copied(self, part: Path, target: Path, hold: Hold) -> Path:
        """A copy of a part that lies on another disk."""
        fresh = self._fresh(target)
        fresh.touch()
        hold.claim(fresh)
        try:
            shutil.copyfile(part, fresh)
        except OSError:
            disk.remove(fresh)
            raise
        return fresh

    def _fresh(self, target: Path) -> Path:
        """A name that nobody has and that `sweep` knows."""
        import secrets  # seldom needed, and slow to import

        return self._folder / f"{target.name}.{secrets.token_hex(8)}{_FRESH}"


def _remove(path: Path) -> int | None:
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return disk.remove(path)  # nothing, or a link to what is gone
    try:
        return disk.remove(path) if lock(opened) else None
    finally:
        os.close(opened)
