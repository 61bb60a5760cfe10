"""Memory that was in use a moment ago, for every case alike.

On a virtual machine the host may take back what has been free for some seconds (free page
reporting). The first write into such memory then costs many times as much: 1 GiB written to a
file took 0.2 s of a processor right after as much had been freed, and 2 to 3.3 s some seconds
later. Whoever runs after a pause would pay for that, and whoever runs at once would not. So a
ballast of the same kind is written while the clock stands, and freed at the moment when it
starts. It must be a file of the disk that is written to: anonymous memory and a tmpfs give back
other pages than the page cache takes (1 GiB cost 0.5 to 2.2 s after them).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

_TIMES = 1.5
"""Bytes of the ballast for each byte of the case: some go elsewhere."""
_PIECE = 4 * 1024 * 1024


def heat(folder: Path, size: int, *old: Path) -> Callable[[], None]:
    """Write a ballast; what is given back frees it. Call that right before the clock starts.

    Args:
        folder: On the disk that the case writes to.
        size: Bytes that the case is going to write.
        old: What an earlier case left: it is removed with the ballast, not before.
    """
    ballast, piece = folder / "ballast", os.urandom(_PIECE)
    with ballast.open("wb", buffering=0) as out:
        for _ in range(int(size * _TIMES) // _PIECE + 1):
            out.write(piece)

    def free() -> None:
        for each in old:
            shutil.rmtree(each, ignore_errors=True)
        ballast.unlink()

    return free
