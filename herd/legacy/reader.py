"""A file read by counted bytes: it ends where it ends, and then the file is damaged."""

from __future__ import annotations

import stat
import struct
from pathlib import Path
from typing import Self

from herd.errors import LegacyDamaged, LegacyError

from .kind import unreadable

AGAIN = "Fetch it again, or take it from another source; nothing was written."


class Reader:
    """Walks through one file. Every length is the file's own claim, checked before it is used."""

    def __init__(self, path: Path, called: str) -> None:
        self.path = path
        self.called = called
        """What the person calls the file."""
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise LegacyError(f"{called} is not a file.", "Name the model file itself.")
            self._file = path.open("rb")
            self.size = self._file.seek(0, 2)
            self._file.seek(0)
        except OSError as error:
            raise unreadable(called, error) from error

    @property
    def position(self) -> int:
        """Bytes from the start."""
        return self._file.tell()

    @property
    def left(self) -> int:
        """Bytes to the end."""
        return self.size - self.position

    def some(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        try:
            return self._file.read(count)
        except OSError as error:
            raise unreadable(self.called, error) from error

    def take(self, count: int, where: str) -> bytes:
        """The next `count` bytes.

        Raises:
            LegacyDamaged: the file ends before; `where` says in what.
        """
        content = self.some(count)
        if len(content) < count:
            raise self.ends_in(where)
        return content

    def numbers(self, count: int, where: str) -> tuple[int, ...]:
        """The next `count` unsigned 32-bit numbers."""
        return struct.unpack(f"<{count}I", self.take(4 * count, where))

    def go(self, position: int) -> None:
        """Go on from `position`, which is known to lie inside the file."""
        self._file.seek(position)

    def damaged(self, what: str) -> LegacyDamaged:
        """The error that says `what` is wrong with this file."""
        return LegacyDamaged(f"{self.called} is damaged: {what}.", AGAIN)

    def ends_in(self, where: str) -> LegacyDamaged:
        """The error of a file that is too short."""
        return self.damaged(f"it ends in {where}, after {self.size:,} bytes")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
