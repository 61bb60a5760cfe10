"""A process of this Python with a pipe each way, for work that the interpreter would share out.

It imports nothing but what its module needs, and is killed without harm.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "import importlib; importlib.import_module(sys.argv[2]).main()"
)


class Gone(Exception):
    """The process ended, whoever ended it."""


class ChildPython:
    """A child that runs `main` of a module of herd; POSIX only."""

    def __init__(self, module: str, *args: int, files: tuple[int, ...] = ()) -> None:
        """Start it.

        Args:
            module: `herd.hashing`; its `main` finds the args from `sys.argv[3]` on.
            args: For it.
            files: Descriptors that it has, too.

        Raises:
            OSError: the system does not let it start.
        """
        import subprocess  # costs a small file more than its hash

        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
        self._child: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START, root, module, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=files,
            start_new_session=True,  # Ctrl-C in the terminal is for the parent
        )

    @property
    def process(self) -> int:
        """Its number."""
        return self._child.pid

    def ask(self, question: bytes) -> None:
        """Write to it.

        Raises:
            Gone: it ended.
        """
        if self._child.stdin is None:
            raise Gone  # Popen was asked for it
        try:
            self._child.stdin.write(question)
        except (OSError, ValueError) as error:
            raise Gone from error

    def read(self, count: int) -> bytes:
        """So many bytes of what it answers.

        Raises:
            Gone: it ended before.
        """
        found = b""
        try:
            while len(found) < count:
                more = self._child.stdout.read(count - len(found)) if self._child.stdout else b""
                if not more:
                    raise Gone
                found += more
        except (OSError, ValueError) as error:
            raise Gone from error
        return found

    def kill(self) -> None:
        """End it; from any thread."""
        self._child.kill()

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
