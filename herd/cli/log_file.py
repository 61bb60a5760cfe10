"""The file of herd.log itself; imported with the first line, for its module drags sockets in."""

from __future__ import annotations

import io
import logging
import logging.handlers
import re
from collections.abc import Callable
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


class Rotating(logging.handlers.RotatingFileHandler):
    """Two small files that replace each other, made with their folder; a log is never an error."""

    def __init__(self, path: Path, failed: Callable[[], None]) -> None:
        super().__init__(path, maxBytes=BYTES, backupCount=1, encoding="utf-8", delay=True)
        self.setFormatter(Scrubbing("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._failed = failed

    def _open(self) -> io.TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # logging's
        """Tell that the line could not be written; the command goes on."""
        self._failed()

    def close(self) -> None:
        """Close the file; what a full disk does not take of it is lost."""
        try:
            super().close()
        except OSError:
            self._failed()
