"""`pip download` as a child process: started without a shell, listened to, ended when told.

pip brings its own configuration: mirrors, proxies, certificates, credentials.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

from herd.errors import HerdError, NoRoom, SourceFailed, SourceRefused
from herd.progress import Gauge
from herd.transfer.budget import Budget
from herd.transfer.part import check

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_TICK = 0.1
_GRACE = 0.5
"""Seconds that pip gets to end by itself."""
_LINES = 200
_DIES_WITH_US = sys.platform == "linux"
_DYING = (
    "import ctypes, runpy; ctypes.CDLL(None).prctl(1, 9); "  # PR_SET_PDEATHSIG, SIGKILL
    "runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
"""`python -m pip` that ends with its parent, also with one that is killed while pip sleeps."""
_LONGEST_SLEEP = 20.0
"""Seconds at once; servers hang up on whoever reads nothing for a minute."""
_UNREACHABLE = (
    "NewConnectionError",
    "Failed to establish a new connection",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Connection aborted",
    "Network is unreachable",
    "Could not fetch URL",
)
_ABSENT = ("No matching distribution found", "Could not find a version")


class _Listener(threading.Thread):
    """Reads what pip says, line by line, and keeps the last lines."""

    def __init__(self, child: subprocess.Popen[str], gauge: Gauge) -> None:
        super().__init__(name="herd-pip", daemon=True)
        self._child = child
        self._gauge = gauge
        self.lines: deque[str] = deque(maxlen=_LINES)
        self.done = 0
        """Bytes of the wheel so far."""
        self.total = 0

    def run(self) -> None:
        for line in self._child.stdout or ():
            if match := _PROGRESS.match(line):
                self.done = int(match.group(1))
                self.total = int(match.group(2))
                self._gauge.move_to(self.done, self.total)
            else:
                self.lines.append(line.strip())


def download(
    requirement: str,
    folder: Path,
    gauge: Gauge,
    stop: threading.Event,
    budget: Budget | None = None,
) -> None:
    """Download the wheel of a requirement, without what it depends on, into a folder.

    pip knows no limit: where the budget has one, pip sleeps (SIGSTOP) for what it took too
    much, and what the index sends waits in the system. Linux only: there pip does not outlive
    a herd that is killed meanwhile.

    Raises:
        SourceFailed: the index was not reached, or broke off.
        SourceRefused: it has no such package, or no wheel of it for this Python.
        NoRoom: the disk is full.
        Interrupted: the transfer was stopped; pip is gone.
    """
    with subprocess.Popen(
        _command(requirement, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=_environment(folder),
        start_new_session=True,  # Ctrl-C is for herd, which ends pip itself
    ) as child:
        listener = _Listener(child, gauge)
        listener.start()
        paid = 0
        try:
            while child.poll() is None and not stop.wait(_TICK):
                done = listener.done
                seconds = budget.spend(max(0, done - paid)) if budget else 0.0
                paid = max(paid, done)
                if seconds > 0 and done < listener.total:
                    _let_sleep(child, min(seconds, _LONGEST_SLEEP), stop)
        finally:
            _end(child)
            listener.join()
    check(stop)
    if child.returncode:
        raise _trouble(requirement, list(listener.lines))


def unreached(package: str, seconds: float) -> str | None:
    """Why the package index cannot be asked, by pip's own rules; None: it can.

    Args:
        package: One that it should have; its page alone is read.
        seconds: How long to wait.
    """
    try:
        versions(package, seconds)
    except SourceRefused as error:
        return error.message
    except SourceFailed as error:
        return "it does not answer" if isinstance(error, _Silent) else "it was not reached"
    return None


class _Silent(SourceFailed):
    """The index did not answer in time."""


def versions(package: str, seconds: float) -> frozenset[str]:
    """The versions of which the package index has a wheel for this Python; none is fetched.

    Args:
        package: Its page alone is read.
        seconds: How long to wait.

    Raises:
        SourceFailed: the index was not reached.
        SourceRefused: it has no such package.
    """
    command = [sys.executable, "-P", "-m", "pip", "index", "versions", "--no-input", "--pre"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--no-color"]
    # Without a retry pip keeps it to itself that nobody answered.
    command += ["--retries", "1", "--timeout", str(max(1, int(seconds / 2)))]
    try:
        done = subprocess.run(  # no shell, and the package is a name
            [*command, "--", package],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=2 * seconds,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise _Silent("the package index does not answer") from error
    if done.returncode:
        trouble = _trouble(package, done.stderr.splitlines())
        if isinstance(trouble, SourceRefused):
            raise trouble
        raise SourceFailed("the package index was not reached") from trouble
    listed = re.search(r"^Available versions: (.*)$", done.stdout, re.MULTILINE)
    return frozenset(listed[1].split(", ") if listed else ())


def _command(requirement: str, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-P", *(("-c", _DYING) if _DIES_WITH_US else ("-m", "pip")), "download"),
        *("--no-deps", "--no-input", "--no-cache-dir", "--disable-pip-version-check"),
        *("--only-binary", ":all:", "--progress-bar", "raw", "--no-color"),
        *("--dest", str(folder), "--", requirement),
    ]


def _environment(folder: Path) -> dict[str, str]:
    # On the disk of the store: /tmp is small and in memory on many machines.
    return {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}


def _end(child: subprocess.Popen[str]) -> None:
    """End pip, and what it started: a keyring may be waiting for a password."""
    if child.poll() is not None:
        return
    _signal(child, signal.SIGTERM)
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        child.wait()


def _signal(child: subprocess.Popen[str], number: int) -> None:
    if os.name == "posix":
        os.killpg(child.pid, number)  # not yet waited for: the number is still its own
    else:
        child.terminate()


def _let_sleep(child: subprocess.Popen[str], seconds: float, stop: threading.Event) -> None:
    """Have pip and its children do nothing for a while, or until the stop."""
    if not _DIES_WITH_US:
        return
    with contextlib.suppress(ProcessLookupError):  # it ended a moment ago
        os.killpg(child.pid, signal.SIGSTOP)
        try:
            stop.wait(seconds)
        finally:
            os.killpg(child.pid, signal.SIGCONT)


def _trouble(requirement: str, lines: list[str]) -> HerdError:
    text = "\n".join(lines)
    if "No space left on device" in text:
        return NoRoom(
            "The disk is full: pip could not store the package.",
            "Free some room and run the same command again.",
        )
    if "No module named pip" in text:
        return SourceRefused(
            "this Python has no pip to ask the package index with",
            "`python -m ensurepip` gives it one.",
        )
    if any(mark in text for mark in _UNREACHABLE):
        return SourceFailed(
            "the package index was not reached", "Check the network, or pip's index and proxy."
        )
    if any(mark in text for mark in _ABSENT):
        return SourceRefused(f"the package index has no wheel of {requirement}")
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines or ["it did not say why"])[-1]
    return SourceFailed(f"pip did not bring {requirement}: {reason[:200].rstrip('.')}")
