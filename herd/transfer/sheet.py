"""The bytes of a file that comes in pieces: each written where it belongs, in any order."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from herd.transfer.part import check, opened, require_room, writing

_WRITE = 2
"""SYNC_FILE_RANGE_WRITE."""
_ALLOCATED = 256 * 1024 * 1024
"""Bytes that are allocated between two looks at whether to stop."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Sheet:
    """An open part with holes; a context manager that never deletes."""

    def __init__(self, path: Path) -> None:
        """Open it, and create it where it is not there yet.

        Raises:
            CannotWrite, NoRoom: the place for it.
        """
        self.path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = opened(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    @property
    def file(self) -> int:
        """Its descriptor, for whoever only reads it."""
        return self._file

    @property
    def length(self) -> int:
        """Bytes up to the end of the file as it lies there."""
        return os.fstat(self._file).st_size

    @property
    def inode(self) -> int:
        """What tells this file from another one that took its place."""
        return os.fstat(self._file).st_ino

    @property
    def has_holes(self) -> bool:
        """Whether fewer bytes lie there than its length says."""
        found = os.fstat(self._file)
        return getattr(found, "st_blocks", 0) * 512 < found.st_size

    def allocate(self, size: int, stop: threading.Event) -> None:
        """Have room for the whole file now, and nothing beyond it.

        Raises:
            NoRoom: the disk cannot hold it.
            Interrupted: `stop` was set.
        """
        found = os.fstat(self._file)
        held = min(found.st_size, getattr(found, "st_blocks", 0) * 512)
        require_room(self.path.parent, size - held)
        with writing(self.path):
            if found.st_size > size:
                os.ftruncate(self._file, size)
            # Some disks write into every block of it, which takes its time.
            for reach in (*range(_ALLOCATED, size, _ALLOCATED), size):
                check(stop)
                if not _reserve(self._file, reach):
                    os.ftruncate(self._file, size)
                    break

    def release(self) -> None:
        """Give the room back: nothing came."""
        with writing(self.path):
            os.ftruncate(self._file, 0)

    def write(self, view: memoryview, at: int) -> None:
        """Put bytes at an offset.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        with writing(self.path):
            while view:
                count = os.pwrite(self._file, view, at)
                view, at = view[count:], at + count

    def read(self, view: memoryview, at: int) -> int:
        """Bytes from an offset into `view`; how many.

        Raises:
            CannotWrite: the part does not read.
        """
        with writing(self.path):
            return os.preadv(self._file, [view], at)

    def begin_to_sync(self) -> None:
        """Have the disk begin with what was written, and do not wait for it; Linux only.

        So little is left for `sync`, which everybody waits for.
        """
        call = _call("sync_file_range")
        if call is not None:
            call(self._file, 0, 0, _WRITE)

    def sync(self) -> None:
        """Bring what was written to the disk itself."""
        with writing(self.path):
            getattr(os, "fdatasync", os.fsync)(self._file)  # macOS has fsync alone


def _reserve(file: int, size: int) -> bool:
    """Allocate blocks, if this system and file system can.

    The C library's posix_fallocate writes into every block where the file system cannot
    (NFS, ZFS), which takes minutes for a large file; so Linux is asked itself.
    """
    call = _call("fallocate")
    if call is None:
        return False
    if size == 0 or call(file, 0, 0, size) == 0:
        return size > 0
    code = ctypes.get_errno()
    if code in _NO_ROOM:
        raise OSError(code, os.strerror(code))
    return False


def _call(name: str) -> Callable[..., int] | None:
    """A function of the C library that takes a descriptor, an offset and a length."""
    try:
        call = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError, TypeError):
        return None
    is_mode_first = name == "fallocate"
    span = (ctypes.c_longlong, ctypes.c_longlong)
    call.argtypes = (
        (ctypes.c_int, ctypes.c_int, *span)
        if is_mode_first
        else (ctypes.c_int, *span, ctypes.c_uint)
    )
    return call  # type: ignore[no-any-return]  # ctypes knows no types
