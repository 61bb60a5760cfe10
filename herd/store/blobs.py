"""Verified files by their digest, read-only, each stored once."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from herd import disk
from herd.errors import BadUsage, DigestMismatch
from herd.model import Sha256, is_sha256
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
        import tempfile  # seldom needed, and slow to import

        opened, name = tempfile.mkstemp(_FRESH, f"{target.name}.", self._folder)
        os.close(opened)
        fresh = Path(name)
        hold.claim(fresh)
        try:
            shutil.copyfile(part, fresh)
        except OSError:
            disk.remove(fresh)
            raise
        return fresh


def _remove(path: Path) -> int | None:
    try:
        opened = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        return disk.remove(path) if lock(opened) else None
    finally:
        os.close(opened)
