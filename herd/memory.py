"""How much memory this machine has, or the container that herd is in."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux shows the bounds of the container (cgroup v2)."""


def memory() -> int:
    """Bytes of memory that there are, used or not."""
    limit = number(CGROUP / "memory.max")
    return _of_machine() if limit is None else min(_of_machine(), limit)


def _of_machine() -> int:
    with contextlib.suppress(AttributeError, ValueError, OSError):  # only POSIX has it
        if (pages := os.sysconf("SC_PHYS_PAGES")) > 0:
            return pages * os.sysconf("SC_PAGE_SIZE")
    import psutil  # 15 ms

    return int(psutil.virtual_memory().total)


def number(path: Path) -> int | None:
    """The number in a file of a cgroup; None where nothing is bounded."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file; "max"
        return None
