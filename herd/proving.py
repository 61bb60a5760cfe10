"""One pass over a file that is here: its digest and its piece table, and what that costs.

Both are SHA-256, and each takes as long as the other: a file by itself has them in two
threads. Where several files are read beside each other, the threads are the files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from herd import disk
from herd.pieces import Proof

_STEP = 1024 * 1024
_MOST = min(4, os.cpu_count() or 1)
_WORTH = 16 * _STEP
"""Bytes of a file for which a second thread is worth its while."""


def prove(path: Path, took: Callable[[int], None], files: int = 1) -> Proof:
    """Read a file from end to end.

    Args:
        path: The file.
        took: Told how many bytes each step read; what it raises ends the reading.
        files: How many are read beside each other, this one among them.

    Raises:
        OSError: the file, or it is no ordinary one.
    """
    buffer = memoryview(bytearray(_STEP))
    with disk.ordinary(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        is_split = size >= _WORTH and 2 * files <= (os.cpu_count() or 1)
        disk.expect_all(stream)
        with ThreadPoolExecutor(1, "herd-digest") as second:
            proof = Proof(size, second if is_split else None)
            while count := stream.readinto(buffer) or 0:
                proof.update(buffer[:count])
                took(count)
    return proof


def at_once(path: Path | None, count: int, *, most: int = _MOST) -> int:
    """How many of so many files to read at once: a disk that turns is read in one place.

    Args:
        path: One of them; they are taken to lie on one disk.
        count: How many there are.
        most: More than so many are never read.
    """
    return 1 if path is None or disk.turns(path) else max(1, min(most, count))
