"""Locks between processes and threads, which vanish with whoever held them.

A lock belongs to an open file, so two threads of one process exclude each other too.
Whoever lets the lock of a model or a part go removes its file, so no heap of them grows:
whoever gets one makes sure that it is still the file of that name.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

_FAR = 1 << 30
"""Where Windows locks a byte: beyond the text, which others may then read."""


class Lock:
    """A lock file. Not for use by several threads: each makes its own."""

    def __init__(self, path: Path, *, stays: bool = False) -> None:
        """Touches nothing.

        Args:
            path: The file.
            stays: Whether it is there for ever and says of nobody that they have it: for a lock
                that is taken many times a second. A file less to make and to remove each time.
        """
        self.path = path
        self._stays = stays
        self._opened: int | None = None
        self._said = b""

    def __enter__(self) -> Self:
        """Wait for it, without end."""
        self.take(wait=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def take(self, *, wait: bool = False) -> bool:
        """Take it, and write into it who did; False when somebody else has it.

        Raises:
            OSError: its folder is not there or cannot be written.
        """
        self._opened = _open_locked(self.path, wait=wait)
        if self._opened is None:
            return False
        if self._stays:
            return True
        self._said = f"{os.getpid()}\n{_machine()} {os.urandom(8).hex()}\n".encode()
        try:
            os.ftruncate(self._opened, 0)
            os.write(self._opened, self._said)
        except OSError:  # a full disk must not keep anybody from removing a model
            self._said = b""
        return True

    def is_kept(self) -> bool:
        """Whether nobody else took the lock while this one has it.

        Some network disks grant a lock to everybody who asks, or to one on each machine. Then
        somebody else's words are in the file, or it is another file by now.
        """
        if self._opened is None or not is_still(self._opened, self.path):
            return False
        said = os.pread(self._opened, 200, 0) if hasattr(os, "pread") else self._said
        return not self._said or said == self._said

    def excludes(self) -> bool:
        """Whether the disk refuses the lock to a second who asks while this one has it."""
        opened = os.open(self.path, os.O_RDWR)
        try:
            return not lock(opened)
        finally:
            os.close(opened)

    def release(self) -> None:
        """Let it go, and remove its file if that does not stay."""
        if self._opened is None:
            return
        if not self._stays:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._opened)
        self._opened = None

    def holder(self) -> int | None:
        """The process that says it has the lock, None when that does not read."""
        try:
            with self.path.open("rb") as stream:
                return int(stream.readline(20))
        except (OSError, ValueError):
            return None


def _open_locked(path: Path, *, wait: bool) -> int | None:
    while True:
        opened = _opened(path)
        try:
            is_ours = lock(opened, wait=wait)
            is_current = is_ours and is_still(opened, path)
        except BaseException:
            os.close(opened)
            raise
        if is_current:
            return opened
        os.close(opened)
        if not is_ours:
            return None


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY)  # made by another user, as by root: it locks as well


def _machine() -> str:
    """The name of this machine; the module `platform` would take ten times as long to say it."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "?")


def is_still(opened: int, path: Path) -> bool:
    """Whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(opened), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def lock(opened: int, *, shared: bool = False, wait: bool = False) -> bool:
        """Lock an open file; False when somebody else has it and `wait` is not set."""
        if shared:
            return True  # Windows removes no file that is open: being open is the lock
        os.lseek(opened, _FAR, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(opened, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
            else:
                os.lseek(opened, 0, os.SEEK_SET)
                return True

else:
    import fcntl

    def lock(opened: int, *, shared: bool = False, wait: bool = False) -> bool:
        """Lock an open file; False when somebody else has it and `wait` is not set."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(opened, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
