"""The bytes of a file under way: written in order, hashed as they are written.

What lies in the part is a prefix of the file; whether it is the right one, only the
digest of the whole says.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from io import FileIO
from pathlib import Path
from typing import Self

from herd.errors import CannotWrite, HerdError, Interrupted, NoRoom
from herd.pieces import Proof
from herd.transfer.carrier import Delivery, Wish
from herd.words import size

ROOM_TO_SPARE = 64 * 1024 * 1024
"""Bytes of disk that stay free."""

_PIECE = 256 * 1024
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Part:
    """An open part; a context manager that never deletes."""

    def __init__(self, wish: Wish) -> None:
        """Open it, and create it where it is not there yet.

        Raises:
            CannotWrite, NoRoom: the place for it.
        """
        self.path = wish.staged.part
        self._stop: threading.Event = wish.stop
        self._size = wish.file.size
        self._proof = Proof(self._size)
        self.have = 0
        """Bytes that are there and hashed."""
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            mode = "r+" if os.path.lexists(self.path) else "w+"
            self._file = FileIO(self.path, mode, opener=opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def restart(self) -> None:
        """Begin with nothing; what a carrier noted of the bytes that lay here goes, too."""
        with writing(self.path):
            for note in self.path.parent.glob(f"{escape(self.path.name)}.http.*"):
                note.unlink(missing_ok=True)
            self._file.seek(0)
            self._file.truncate()
        self.have, self._proof = 0, Proof(self._size)

    def write(self, piece: bytes) -> None:
        """Append bytes.

        Raises:
            NoRoom, CannotWrite: the disk; what was written before is kept.
        """
        left = memoryview(piece)
        with writing(self.path):
            while left:
                left = left[self._file.write(left) :]
        self._took(piece)

    def require_room(self, total: int) -> None:
        """Refuse to begin what cannot end.

        Raises:
            NoRoom: the disk cannot hold a file of `total` bytes.
        """
        require_room(self.path.parent, total - self.have)

    def delivery(self, name: str | None = None) -> Delivery:
        """What lies here now, as a whole file."""
        return Delivery(self.have, self._proof.sha256, name, self._proof.table())

    def _took(self, piece: bytes) -> None:
        self._proof.update(piece)
        self.have += len(piece)


def opened(path: str | Path, flags: int) -> int:
    """Open a part; a link in its place, which would lead the bytes elsewhere, goes first.

    Raises:
        OSError: it cannot be opened.
    """
    if os.path.islink(path):  # noqa: PTH114  # FileIO gives a text
        os.unlink(path)  # noqa: PTH108
        flags |= os.O_CREAT
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def require_room(folder: Path, wanted: int) -> None:
    """Refuse to begin what cannot end.

    Args:
        folder: Where the bytes are to lie.
        wanted: Bytes still to come.

    Raises:
        NoRoom: fewer than that and some to spare are free.
    """
    with writing(folder):
        free = shutil.disk_usage(folder).free
    missing = wanted + ROOM_TO_SPARE - free
    if wanted > 0 and missing > 0:
        raise NoRoom(
            f"{size(wanted)} are still to come and {size(free)} are free on the disk: "
            f"{size(missing)} are missing, {size(ROOM_TO_SPARE)} of them to stay free.",
            "Free some room and run the same command again; what was fetched is kept.",
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Put the system's errors at a path into words.

    Raises:
        NoRoom: the disk, the quota or the limit of file sizes is reached.
        CannotWrite: anything else.
    """
    try:
        yield
    except OSError as error:
        raise trouble(path, error) from error


def trouble(path: Path, error: OSError) -> HerdError:
    """The words for a system's error at a path."""
    if error.errno in _NO_ROOM:
        return NoRoom(
            f"The disk is full: {path.name} could not grow.",
            "Free some room and run the same command again; what was fetched is kept.",
        )
    return CannotWrite(
        f"{path.parent} cannot be written: {(error.strerror or 'unknown trouble').lower()}.",
        "Check whose folder it is, or set HERD_HOME to another one.",
    )


def check(stop: threading.Event) -> None:
    """End here if somebody wants it to end.

    Raises:
        Interrupted: they do.
    """
    if stop.is_set():
        raise Interrupted("The transfer was stopped.", "The same command goes on from here.")
