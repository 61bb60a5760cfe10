"""Being the only one who works on a model, and what that work keeps from others.

Beside the lock of its model, an install needs two things: that nobody else writes
into its parts, and that nobody removes a blob between the moment it is seen or
committed and the moment a manifest names it. Both are locks on files, so a process
that dies lets go of everything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from herd.disk import writing
from herd.errors import Busy, CannotWrite
from herd.model import Reference
from herd.store.lock import Lock, is_still, lock

POLL = 0.1
"""Seconds between two looks at a lock that another herd has."""


class Hold:
    """The blobs and parts that one piece of work has taken. Methods may raise OSError."""

    def __init__(
        self, locks: Path, reference: Reference | None = None, own: Lock | None = None
    ) -> None:
        self.locks = locks
        """The folder of lock files; it tells one store from another."""
        self.reference = reference
        self._own = own
        self._blobs: list[int] = []
        self._parts: dict[Path, Lock] = {}

    def claim(self, path: Path) -> bool:
        """Keep a blob, or what is about to be one, from being removed; False if it is gone."""
        try:
            opened = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        self._blobs.append(opened)
        lock(opened, shared=True, wait=True)
        return is_still(opened, path)

    def take_part(self, part: Path) -> bool:
        """Be the only one who writes a part; False if another install does."""
        if part not in self._parts:
            taken = Lock(self.locks / f"{part.name}.lock")
            if not taken.take():
                return False
            self._parts[part] = taken
        return True

    def leave_part(self, part: Path) -> None:
        """Let others have a part: it is done with."""
        if part in self._parts:
            self._parts.pop(part).release()

    def require_kept(self) -> None:
        """Refuse to go on where somebody else was given the same lock.

        Raises:
            Busy: the disk's locks do not exclude each other.
        """
        if self._own is not None and not self._own.is_kept():
            raise Busy(
                f"Another herd works on {self.reference}, though this one has its lock: the disk "
                f"of {self.locks.parent} does not keep locks.",
                "Keep the store on a local disk, or let one machine alone write to it.",
            )

    def close(self) -> None:
        """Let go of everything."""
        while self._blobs:
            os.close(self._blobs.pop())
        while self._parts:
            self._parts.popitem()[1].release()


_current: ContextVar[Hold | None] = ContextVar("_current", default=None)


def current(locks: Path) -> Hold | None:
    """The hold on a store in which this thread is, if it is in one."""
    hold = _current.get()
    return hold if hold and hold.locks == locks else None


@contextmanager
def holding(
    locks: Path, reference: Reference, while_waiting: Callable[[], None] | None
) -> Iterator[None]:
    """Be in a hold on a model; a hold within a hold on the same model is that one.

    Args:
        locks: The folder of lock files.
        reference: The model.
        while_waiting: Called while another herd works on the model; None: do not wait.

    Raises:
        Busy: another herd works on it, and nobody wants to wait.
        CannotWrite, NoRoom: the folder of lock files.
    """
    held = current(locks)
    if held and held.reference == reference:
        yield
        return
    own = Lock(locks / f"{reference.name}@{reference.variant}.lock")
    _take(own, reference, while_waiting)
    hold = Hold(locks, reference, own)
    token = _current.set(hold)
    try:
        yield
    finally:
        _current.reset(token)
        hold.close()
        own.release()


def _require_exclusion(own: Lock) -> None:
    """Refuse a disk that gives one lock to two who ask, as some network disks do.

    Raises:
        CannotWrite: it does.
    """
    if not own.excludes():
        own.release()
        raise CannotWrite(
            f"The disk of {own.path.parent.parent} does not keep locks: two herds would write at "
            "the same time.",
            "Keep the store on a local disk: `herd move-store DIR` or HERD_HOME.",
        )


def _take(own: Lock, reference: Reference, while_waiting: Callable[[], None] | None) -> None:
    while True:
        with writing(own.path.parent):
            if own.take():
                _require_exclusion(own)
                return
        if while_waiting is None:
            process = own.holder()
            who = f" (process {process})" if process else ""
            raise Busy(
                f"Another herd works on {reference}{who}.", "Run the same command when it is done."
            )
        while_waiting()
        time.sleep(POLL)
