"""Memory: what a process holds, and what this machine, or the container we are in, has left."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from herd.memory import CGROUP, number

_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Held:
    """What a process holds of the memory."""

    own: int = 0
    """Bytes that nobody else can have."""
    mapped: int = 0
    """Bytes of files that are mapped: the system counts them as available all the same."""

    @property
    def total(self) -> int:
        """Bytes."""
        return self.own + self.mapped


def held_by(pid: int) -> Held:
    """What the process holds; nothing if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return _held_elsewhere(pid)
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    own, mapped = (
        sum(int(fields.get(name, "0 kB").split()[0]) for name in names) * 1024
        for names in (("RssAnon", "RssShmem"), ("RssFile",))
    )
    return Held(own, mapped)


def _held_elsewhere(pid: int) -> Held:
    """Where there is no /proc (macOS), or no such process any more."""
    import psutil

    try:
        return Held(int(psutil.Process(pid).memory_info().rss), 0)
    except psutil.Error:
        return Held()


def available() -> int:
    """Bytes that could be had now without taking them from anybody."""
    free = _said_by_linux("MemAvailable")
    if free is None:
        import psutil

        free = int(psutil.virtual_memory().available)
    left = _left_in_cgroup(CGROUP)
    return free if left is None else min(free, left)


def _said_by_linux(name: str) -> int | None:
    """A line of /proc/meminfo, in bytes; psutil takes 15 ms to be imported."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    words = [line.split() for line in lines if line.startswith(f"{name}:")]
    return int(words[0][1]) * 1024 if words else None


def _left_in_cgroup(folder: Path) -> int | None:
    """What a container may still take (cgroup v2); files that can be read again do not count."""
    limit, used = number(folder / "memory.max"), number(folder / "memory.current")
    if limit is None or used is None:
        return None
    files = 0
    with contextlib.suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text().splitlines():
            name, value = line.split()
            files += int(value) if name in ("inactive_file", "active_file") else 0
    return max(0, limit - used + files)
