"""Limits of time and memory for code that is not ours, in the main thread of the child."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

SECONDS = 2.0
"""What a prompt may take to be written; real templates take milliseconds."""

LAST = 5
"""Times that, in which one call of C may come to its end: it hears no exception. Then the
process ends, by SIGVTALRM."""

MEMORY = 256 << 20
"""Bytes beyond what the process has."""


class TookTooLong(Exception):
    """The time was over."""


@contextmanager
def limited(seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Raise TookTooLong or MemoryError in the block when it goes beyond its limits.

    Outside the main thread there is no such clock: only the child's main thread renders.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    last = signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_VIRTUAL, LAST * seconds)
    try:
        with _memory(memory):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGVTALRM, last)


def _ring(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # as signal calls it
    raise TookTooLong("it does not come to an end")


@contextmanager
def _memory(extra: int) -> Iterator[None]:
    """Cap the address space where the kernel tells its size (Linux); elsewhere do nothing."""
    import resource

    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    cap = pages * resource.getpagesize() + extra
    if soft != resource.RLIM_INFINITY and soft < cap:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (cap, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
