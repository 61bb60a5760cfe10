r"""What was written to a part since its ledger was: a line for each run of bytes.

A kill loses next to none.

A line is `<run> <start> <stop> <giver>\n`: bytes from `start` to `stop`, given by the
giver of that number in the ledger. Lines of another run than the ledger's are old and do
not count, so that emptying the journal and replacing the ledger need not be one step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from herd.transfer.part import opened, writing

_LONGEST = 8 * 1024 * 1024
FULL = 1024 * 1024
"""Bytes after which it is time to replace the ledger and begin anew."""

Line = tuple[str, int, int]


class Journal:
    """An open journal; its methods are for one thread at a time."""

    def __init__(self, path: Path, givers: Sequence[str]) -> None:
        """Open nothing; `givers` are numbered in their order."""
        self._path = path
        self._numbers = {giver: number for number, giver in enumerate(givers)}
        self._file: int | None = None
        self._run = ""
        self.size = 0
        """Bytes of its lines."""

    def begin(self, run: str) -> None:
        """Empty it for another run of lines.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        with writing(self._path):
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
                self._file = opened(self._path, flags | getattr(os, "O_CLOEXEC", 0))
            os.ftruncate(self._file, 0)
        self._run, self.size = run, 0

    def add(self, giver: str, start: int, stop: int) -> None:
        """Say that bytes are written.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        if self._file is None:
            return
        line = f"{self._run} {start} {stop} {self._numbers[giver]}\n".encode()
        with writing(self._path):
            os.write(self._file, line)
        self.size += len(line)

    def close(self, *, is_noted: bool) -> None:
        """Close it, and remove it where the ledger has all of it by now."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if is_noted:
            with writing(self._path):
                self._path.unlink(missing_ok=True)


def read(path: Path, run: str, givers: Sequence[str], size: int) -> Iterator[Line]:
    """The lines of a run: giver, start and stop, up to the first that does not read.

    Args:
        path: The journal; it need not exist.
        run: Of the ledger.
        givers: In the order of the ledger.
        size: Bytes of the file under way: what lies outside of it does not read.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LONGEST)
    except OSError:
        return
    for line in content.split(b"\n")[:-1]:
        words = line.split()
        if len(words) != 4 or not all(word.isdigit() and len(word) < 20 for word in words[1:]):
            return
        start, stop, number = (int(word) for word in words[1:])
        if number >= len(givers) or not start < stop <= size:
            return
        if words[0] == run.encode():
            yield givers[number], start, stop
