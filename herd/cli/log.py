"""herd.log: what herd says to itself, in two small files that replace each other.

The file is opened by the first thing that is worth a line, so that looking at a list
touches no disk. Prompts are never logged; addresses lose their queries and passwords.
"""

from __future__ import annotations

import io
import logging
import logging.handlers
import re
from pathlib import Path

BYTES = 512 * 1024
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\")]+")
_PASSWORD = re.compile(r"(\w+://)[^\s/@'\"]+@")


class Scrubbing(logging.Formatter):
    """Takes out of a line what might open a door."""

    def format(self, record: logging.LogRecord) -> str:
        """The line and its traceback, scrubbed."""
        text = _QUERY.sub(r"\1?…", super().format(record))
        return _PASSWORD.sub(r"\1…@", text)


class LogFile(logging.handlers.RotatingFileHandler):
    """herd.log, made with its folder when the first line comes; a log is never an error."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=BYTES, backupCount=1, encoding="utf-8", delay=True)
        self.setFormatter(Scrubbing("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.has_failed = False

    def _open(self) -> io.TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's
        """Remember that the line could not be written; the command goes on."""
        self.has_failed = True


def keep(path: Path) -> LogFile:
    """Write warnings and worse of this process to the log from now on."""
    file = LogFile(path)
    file.setLevel(logging.WARNING)
    logging.getLogger().addHandler(file)
    return file


def drop(file: LogFile) -> None:
    """Stop writing to it."""
    logging.getLogger().removeHandler(file)
    file.close()
