"""The carrier of files that lie on this machine: a copy, hashed on its way."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from herd.errors import SourceFailed, SourceRefused
from herd.model import PathSource
from herd.progress import Stage
from herd.transfer.carrier import Delivery, Wish
from herd.transfer.part import Part, check
from herd.words import size

_PIECE = 1024 * 1024
_LEAST = 4 * 1024
"""Bytes copied at once under the tightest limit."""


class PathCarrier:
    """Copies a file; always from its beginning, which costs less than asking what is there."""

    def fetch(self, wish: Wish) -> Delivery:
        """Copy the file. As Carrier.fetch."""
        if not isinstance(wish.source, PathSource):
            raise TypeError(wish.source)
        path = Path(wish.source.path)
        promised = _checked(path, wish.file.size)
        with _reading(path) as stream, Part(wish) as part:
            part.restart()
            part.require_room(promised)
            wish.gauge.begin(Stage.COPYING, promised, note=path.name)
            limit = wish.budget.tightest
            most = _PIECE if limit is None else min(_PIECE, max(_LEAST, limit // 8))
            while piece := _read(stream, path, most):
                check(wish.stop)
                part.write(piece)
                wish.gauge.advance(len(piece))
                wish.budget.pay(len(piece), wish.stop)
            if part.have != promised:
                raise SourceFailed(f"{path} changed while it was copied")
            return part.delivery(path.name)


def _checked(path: Path, promised: int | None) -> int:
    """The size of the file, if it is one and has the promised size."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise SourceRefused(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise SourceRefused(f"{path} cannot be read") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device"
        raise SourceRefused(f"{path} is {kind}, not a file")
    if promised is not None and found.st_size != promised:
        raise SourceRefused(
            f"{path} is another file: {size(found.st_size)} ({found.st_size} bytes) "
            f"instead of {size(promised)} ({promised} bytes)"
        )
    return found.st_size


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb", buffering=0)
    except OSError as error:
        reason = (error.strerror or "unknown trouble").lower()
        raise SourceRefused(f"{path} cannot be read: {reason}") from error
    with stream:
        yield stream


def _read(stream: BinaryIO, path: Path, most: int) -> bytes:
    try:
        return stream.read(most)
    except OSError as error:
        reason = (error.strerror or "unknown trouble").lower()
        raise SourceFailed(f"{path} cannot be read: {reason}") from error
