"""The file being written: under a name of its own until it is whole and on the disk."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from herd import words
from herd.errors import CannotWrite, HerdError, NoRoom
from herd.pieces import Proof

from .facts import UNDER_WAY
from .lanes import Lane, Slot


class TargetFile:
    """Takes bytes in order and keeps their digest and their piece table."""

    def __init__(self, file: FileIO, size: int) -> None:
        self._file = file
        self._lane = Lane(Proof(size))
        self.size = 0
        """Bytes so far."""

    def write(self, content: bytes | bytearray) -> None:
        """Append bytes that nobody changes any more."""
        self._lane.feed(content)
        self._append(memoryview(content))

    def write_slot(self, slot: Slot) -> None:
        """Append what a slot holds; its digest may be taken after this returns."""
        slot.is_read_by(self._lane.feed(slot.content))
        self._append(slot.content.data)

    def _append(self, content: memoryview) -> None:
        done = 0
        while done < len(content):
            done += self._file.write(content[done:])
        self.size += done

    def finish(self) -> Proof:
        """Bring everything to the disk; returns what proves it."""
        os.fsync(self._file.fileno())
        return self._lane.finish()

    def close(self) -> None:
        """Close the file and end the thread."""
        self._file.close()
        self._lane.close()


@contextmanager
def replacing(target: Path, size: int, called: str) -> Iterator[TargetFile]:
    """A file that becomes `target` when the block ends well, and is gone when it does not.

    One process at a time may write a target.

    Args:
        target: The GGUF.
        size: Bytes that it is going to have.
        called: What the person calls the file that is converted, for messages.

    Raises:
        NoRoom: the disk does not hold `size` more bytes.
        CannotWrite: the folder does not let us write.
    """
    with _saying_what_went_wrong(target, called):
        _check_room(target, size, called)
        temporary = target.with_name(target.name + UNDER_WAY)
        temporary.unlink(missing_ok=True)
        file = TargetFile(_open(temporary), size)
        try:
            try:
                yield file
            finally:
                file.close()
            temporary.replace(target)
            _sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def _open(path: Path) -> FileIO:
    return path.open("xb", buffering=0)


def _check_room(target: Path, size: int, called: str) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < size:
        raise _no_room(called, f"{words.size(size - free)} are missing")


def _no_room(called: str, why: str) -> NoRoom:
    return NoRoom(
        f"There is no room to convert {called}: {why}.",
        "Make room with `herd remove` or `herd prune`, and run the same command again.",
    )


@contextmanager
def _saying_what_went_wrong(target: Path, called: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _wrapped(target, called, error) from error


def _wrapped(target: Path, called: str, error: OSError) -> HerdError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _no_room(called, "the disk is full")
    reason = error.strerror or type(error).__name__
    return CannotWrite(
        f"{called} cannot be converted: {target.parent} cannot be written: {reason}.",
        "Check who owns the folder, or choose another.",
    )


def _sync_folder(folder: Path) -> None:
    """Make the new name last; some systems open no folders and need none of this."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
