"""Memory that costs every case of a benchmark the same.

A virtual machine may give memory that it does not use back to its host (free page reporting) and
must ask for it again: on one, writing 1 GiB to a new file took 0.25 seconds of processor in memory
that was in use a moment ago, and 2.2 to 3.5 in memory that had been free for six seconds. A case
would be measured by what went before it, and by nothing of its own. So a ballast of its bytes is
held before its clock starts, and let go of piece by piece, a little before the case needs it:
every two seconds the system looks for what is free. On a machine that keeps its memory this
changes nothing.
"""

from __future__ import annotations

import mmap
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

AHEAD = 192 << 20
"""Bytes that are free beyond what was written."""
_CHUNK = 32 << 20
_EVERY = 0.01


class Ballast:
    """Memory that is held until a process needs it; a context manager."""

    def __init__(self, size: int) -> None:
        """Take it.

        Args:
            size: Bytes that the process is going to write.
        """
        self._size = -(-(size + AHEAD) // _CHUNK) * _CHUNK
        self._held = mmap.mmap(-1, self._size)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                self._held.madvise(mmap.MADV_HUGEPAGE)
        content = b"x" * _CHUNK
        for at in range(0, self._size, _CHUNK):
            self._held[at : at + _CHUNK] = content
        self._gone = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._held.close()

    def give(self, process: int | None, before: Path) -> None:
        """Right before the clock starts: let go of the first of it, and go on as is written.

        Args:
            process: Who is going to write; None: it is not there yet, `follow` will name it.
            before: The folder of the case before, which goes now; it may not be there.
        """
        shutil.rmtree(before, ignore_errors=True)
        self._let_go(AHEAD)
        if process is not None:
            self.follow(process)

    def follow(self, process: int) -> None:
        """Let go of what it needs, from now on."""
        self._thread = threading.Thread(target=self._follow, args=(process,), daemon=True)
        self._thread.start()

    def _follow(self, process: int) -> None:
        while self._gone < self._size and not self._ended.wait(_EVERY):
            self._let_go(written(process) + AHEAD)

    def _let_go(self, size: int) -> None:
        until = min(self._size, -(-size // _CHUNK) * _CHUNK)
        if until > self._gone and hasattr(mmap, "MADV_DONTNEED"):
            self._held.madvise(mmap.MADV_DONTNEED, self._gone, until - self._gone)
            self._gone = until


def written(process: int) -> int:
    """Bytes that it and its children have dirtied in files; 0 where the system does not tell."""
    total = 0
    with suppress(OSError, ValueError):
        lines = Path(f"/proc/{process}/io").read_text().splitlines()
        total = int(dict(line.split(": ", 1) for line in lines)["write_bytes"])
        for task in Path(f"/proc/{process}/task").iterdir():
            total += sum(map(written, map(int, (task / "children").read_text().split())))
    return total
