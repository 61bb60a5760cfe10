"""Which herds of one home answer just now, so that the downloads of the others know it.

Who answers holds a lock on a file of its own, which dies with it however that ends. Where the
system has no such locks (Windows) nobody hears of the others.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

_numbers = itertools.count()
_LEFT_AFTER = 24 * 60 * 60
"""Seconds after which a file that nobody holds was left by a process that was killed."""


class Chatting:
    """The files, in one folder."""

    def __init__(self, folder: Path) -> None:
        """Makes nothing yet; an unwritable folder is no trouble, only nobody hears of it."""
        self._folder = folder
        self._own = folder / f"chatting-{os.getpid()}-{next(_numbers)}"
        self._held: int | None = None

    def begin(self) -> None:
        """This one answers from now on."""
        with suppress(ImportError, OSError):
            from fcntl import LOCK_EX, flock

            self._folder.mkdir(parents=True, exist_ok=True)
            self._tidy()
            self._held = os.open(self._own, os.O_RDWR | os.O_CREAT, 0o600)
            flock(self._held, LOCK_EX)  # who looks has it for a moment only

    def _tidy(self) -> None:
        """Delete what killed processes left."""
        for path in self._folder.glob("chatting-*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_AFTER and not _is_held(path):
                    path.unlink()

    def end(self) -> None:
        """It does not any more."""
        held, self._held = self._held, None
        if held is not None:
            with suppress(OSError):
                self._own.unlink(missing_ok=True)
            os.close(held)

    @property
    def is_elsewhere(self) -> bool:
        """Whether another one answers."""
        with suppress(OSError):
            each = [path for path in self._folder.glob("chatting-*") if path != self._own]
            return any(map(_is_held, each))
        return False


def _is_held(path: Path) -> bool:
    try:
        from fcntl import LOCK_NB, LOCK_SH, flock

        opened = os.open(path, os.O_RDONLY)
    except (ImportError, OSError):
        return False
    try:
        flock(opened, LOCK_SH | LOCK_NB)  # shared: two who look do not take each other for it
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(opened)
    return False
