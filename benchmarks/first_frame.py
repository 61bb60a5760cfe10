"""When a program in a terminal shows what it has: from its start until the bytes are here.

The program runs in a pseudo-terminal of 100 x 30 cells, as a person's does; what counts is
the moment at which the terminal has been handed the whole frame. POSIX only.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

COLUMNS, LINES = 100, 30
PATIENCE = 30.0
ESCAPES = re.compile(rb"\x1b\[[0-9;?>]*[A-Za-z]")

EMPTY = "from textual.app import App\nApp().run()"
"""The peer: it paints one blank screen."""
APP = """
from herd.core import Herd
import herd_tui
herd_tui.run(Herd())
"""
HERD = {
    "first frame": (b"F2 Library", b"type to filter", b"Quit", b"Commands"),
    "library shown": (b"F2 Library", b"type to filter", b"Quit", b"Commands", b"smollm2-135m"),
}
"""The frame has its top bar, the filter and the last key of the footer; then models as well."""


def starts(runs: int) -> dict[str, list[float]]:
    """Seconds of every start, the programs in turn so that none has the quieter machine."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as home:
        for at in range(runs + 1):
            taken = {"empty Textual app": until_painted(["-c", EMPTY], Path(home))}
            for name, words in (("herd_tui", ["-c", APP]), ("herd", ["-m", "herd"])):
                seen = until_seen(words, HERD, Path(home))
                taken |= {f"{name}, {what}": when for what, when in seen.items()}
            if at:  # the first one compiles
                for name, when in taken.items():
                    times.setdefault(name, []).append(when)
    return times


def until_painted(words: Sequence[str], home: Path) -> float:
    """Seconds until an app has painted its last line for the first time."""
    last = b"\x1b[%d;1H" % LINES
    with Terminal(words, home) as terminal:
        while last not in terminal.raw:
            terminal.read()
        return terminal.age


def until_seen(
    words: Sequence[str], marks: Mapping[str, Sequence[bytes]], home: Path
) -> dict[str, float]:
    """Seconds until all texts of each mark were on the screen."""
    seen: dict[str, float] = {}
    with Terminal(words, home) as terminal:
        while len(seen) < len(marks):
            terminal.read()
            text = ESCAPES.sub(b"", terminal.raw)
            for name, texts in marks.items():
                if name not in seen and all(each in text for each in texts):
                    seen[name] = terminal.age
    return seen


class Terminal:
    """A Python program in a pseudo-terminal; it is killed at the end."""

    def __init__(self, words: Sequence[str], home: Path) -> None:
        self.raw = b""
        """What the program wrote."""
        self.age = 0.0
        """Seconds from the start until the last of it came."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "HERD_HOME": str(home)}
        env |= {"COLUMNS": str(COLUMNS), "LINES": str(LINES)}
        self._begun = time.perf_counter()
        self._pid = os.fork()
        if self._pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for each in (0, 1, 2):
                os.dup2(slave, each)
            os.execve(sys.executable, [sys.executable, *words], env)
        os.close(slave)

    def read(self) -> None:
        """Wait for more of it."""
        ready, _, _ = select.select([self._master], [], [], PATIENCE)
        if not ready:
            raise TimeoutError(f"nothing more came after {self.raw[-500:]!r}")
        self.raw += os.read(self._master, 1 << 16)
        self.age = time.perf_counter() - self._begun

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._master)
