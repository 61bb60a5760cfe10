"""How many threads generate best here: one for each physical core that we may use."""

from __future__ import annotations

import os
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_CGROUP = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Physical cores that this process may run on, at most what its cgroup grants."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:  # not Linux
        import psutil

        return psutil.cpu_count(logical=False) or os.cpu_count() or 1
    cores = len({_siblings(_CPUS, cpu) for cpu in allowed})
    quota = _quota(_CGROUP)
    return max(1, cores if quota is None else min(cores, quota))


def _siblings(cpus: Path, cpu: int) -> str:
    """The hardware threads of the core that this one belongs to, in the kernel's words."""
    try:
        return (cpus / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota(cgroup: Path) -> int | None:
    """Whole processors that a container may use (cgroup v2, then v1), None without a limit."""
    try:
        limit, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not limit.isdigit() or not period.isdigit() or int(period) == 0:
        return None  # "max" in v2, -1 in v1
    return max(1, int(limit) // int(period))
