"""A part being read for its weights, once, with its digest taken on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from herd.errors import LegacyDamaged
from herd.model import Sha256

from .kind import unreadable
from .lanes import Lane, Ring, Slot
from .reader import AGAIN

CHUNK = 1 << 18
"""Bytes that are worked on at once: what stays in a processor's own cache."""


class PartSource:
    """Reads stretches of one file, in any order.

    The digest needs the bytes in order: a stretch that lies ahead brings what is before it,
    one that lies behind is read again and not counted.
    """

    def __init__(self, path: Path, called: str, moved: Callable[[int], None]) -> None:
        self._called = called
        self._moved = moved
        self._lane = Lane(hashlib.sha256())
        self._hashed = 0
        self._ring = Ring()
        try:
            self._file = path.open("rb", buffering=0)
            self._size = self._file.seek(0, 2)
        except OSError as error:
            self._lane.close()
            raise unreadable(called, error) from error

    def read(self, offset: int, size: int) -> Slot:
        """Read `size` bytes at `offset` into a slot of the ring."""
        while self._hashed < offset:
            self._stretch(self._hashed, min(CHUNK, offset - self._hashed))
        return self._stretch(offset, size)

    def finish(self) -> Sha256:
        """Read the rest of the file and return the digest of all."""
        self.read(self._size, 0)
        return Sha256(self._lane.finish().hexdigest())

    def _stretch(self, offset: int, size: int) -> Slot:
        slot = self._ring.next()
        content = slot.take(size)
        try:
            self._file.seek(offset)
            done = 0
            while done < size:
                count = self._file.readinto(content[done:].data)
                if not count:
                    raise LegacyDamaged(f"{self._called} became shorter meanwhile.", AGAIN)
                done += count
        except OSError as error:
            raise unreadable(self._called, error) from error
        self._count(slot, offset, size)
        return slot

    def _count(self, slot: Slot, offset: int, size: int) -> None:
        new = offset + size - self._hashed
        if offset > self._hashed or new <= 0:
            return
        slot.is_read_by(self._lane.feed(slot.content[size - new :]))
        self._hashed += new
        self._moved(new)

    def close(self) -> None:
        """Close the file and end the thread."""
        self._file.close()
        self._lane.close()


class Sources:
    """All parts of a model, open."""

    def __init__(self, paths: tuple[Path, ...], called: str, moved: Callable[[int], None]) -> None:
        self._stack = ExitStack()
        self.parts: list[PartSource] = []
        with self._stack:
            for path in paths:
                self.parts.append(PartSource(path, called, moved))
                self._stack.callback(self.parts[-1].close)
            self._stack = self._stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
