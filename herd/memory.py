"""How much memory this machine has."""

from __future__ import annotations

import contextlib
import os


def memory() -> int | None:
    """Bytes of memory that this machine has."""
    with contextlib.suppress(AttributeError, ValueError, OSError):  # only POSIX has it
        if (pages := os.sysconf("SC_PHYS_PAGES")) > 0:
            return pages * os.sysconf("SC_PAGE_SIZE")
    import psutil  # 15 ms

    return int(psutil.virtual_memory().total)
