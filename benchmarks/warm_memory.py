"""Memory that costs every case of a benchmark the same.

A virtual machine may give memory that it does not use back to its host (free page reporting) and
must ask for it again: on one, writing 1 GiB to a new file took 0.25 seconds of processor in memory
that was in use a moment ago, and 2.2 to 3.5 in memory that had been free for six seconds. A case
would be measured by what went before it, and by nothing of its own. So right before the clock of
each starts, a ballast of one and a half times its bytes is let go of, and only then the file of
the case before. On a machine that keeps its memory this changes nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_CHUNK = 64 << 20


class Ballast:
    """A file that holds memory until the clock of a case starts."""

    def __init__(self, path: Path, size: int) -> None:
        """Write it.

        Args:
            path: Where.
            size: Bytes that the case is going to write.
        """
        self._path = path
        content = os.urandom(1 << 20) * (_CHUNK >> 20)
        with path.open("wb", buffering=0) as stream:
            for _ in range(-(-size * 3 // 2 // _CHUNK)):
                stream.write(content)

    def drop(self, before: Path) -> None:
        """Let go of it, and of the folder of the case before, which may not be there."""
        self._path.unlink()
        shutil.rmtree(before, ignore_errors=True)
