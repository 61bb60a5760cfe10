"""herd.log: what herd says to itself, in two small files that replace each other.

The file is opened by the first thing that is worth a line, so that looking at a list
touches no disk. Prompts are never logged; addresses lose their queries and passwords.
"""

from __future__ import annotations

import logging
from pathlib import Path


class LogFile(logging.Handler):
    """herd.log from the first line on; until then it costs nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.WARNING)
        self._path = path
        self._file: logging.Handler | None = None
        self.has_failed = False
        """Whether a line could not be written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; called by one thread at a time."""
        if self._file is None:
            from herd.cli.log_file import Rotating

            self._file = Rotating(self._path, self._fail)
        self._file.handle(record)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        super().close()

    def _fail(self) -> None:
        self.has_failed = True


def keep(path: Path) -> LogFile:
    """Write warnings and worse of this process to the log from now on."""
    file = LogFile(path)
    logging.getLogger().addHandler(file)
    return file


def drop(file: LogFile) -> None:
    """Stop writing to it."""
    logging.getLogger().removeHandler(file)
    file.close()
