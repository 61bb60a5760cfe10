"""A process on a terminal of its own: what it shows is waited for, what is typed reaches it.

with Terminal(command, environ) as terminal:
    terminal.until("Remove it?")
    terminal.enter("y\\n")
    assert terminal.ends() == 0
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.tools.wait import until

ROOT = Path(__file__).parents[2]
CTRL_C, CTRL_D = "\x03", "\x04"
_LAUNCH = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_LIMIT = 60.0


class Terminal:
    """The terminal's other end; a context manager that leaves no process behind."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], *, columns: int = 100
    ) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, columns))
        self._shown = bytearray()
        self._seen = 0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _LAUNCH, *command],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                env=dict(environ),
                cwd=ROOT,
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def shown(self) -> str:
        """Everything so far, escapes and all."""
        return bytes(self._shown).decode(errors="replace")

    def until(self, text: str) -> str:
        """Wait for a text after what was waited for before; what came before it."""
        until(lambda: self.shown.find(text, self._seen) >= 0 or self._is_over, _LIMIT)
        found = self.shown.find(text, self._seen)
        assert found >= 0, f"it ended without {text!r}: {self.shown!r}"
        before = self.shown[self._seen : found]
        self._seen = found + len(text)
        return before

    def enter(self, text: str) -> None:
        """Type it."""
        os.write(self._ours, text.encode())

    def ends(self) -> int:
        """Wait for the end; the exit code."""
        code = self._process.wait(_LIMIT)
        self._reader.join()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        os.close(self._ours)

    @property
    def _is_over(self) -> bool:
        return not self._reader.is_alive()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._ours, 4096)
            except OSError:  # nobody holds the other end any more
                return
            if not piece:
                return
            self._shown += piece
