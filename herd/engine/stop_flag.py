"""A flag that llama.cpp can look at without waking Python."""

from __future__ import annotations

import ctypes
import threading


class StopFlag:
    """Which of the numbered requests are to be left.

    llama.cpp asks an abort callback about a thousand times for each token. A callback in
    Python would make every token slower and wait for the interpreter's lock, so the
    callback is C's `strlen`, and the flag the text whose length it takes: "" or "x".
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(64)  # longer than what strlen reads at once
        self._lock = threading.Lock()
        self._current = 0
        self._stopped = 0

    @property
    def address(self) -> int:
        """Where the text lies."""
        return ctypes.addressof(self._text)

    @property
    def is_set(self) -> bool:
        """Whether the current request is to be left."""
        return self._text[0] != b"\0"

    def begin(self, number: int) -> None:
        """A request begins; it may have been stopped before it could."""
        with self._lock:
            self._current = number
            self._show()

    def stop(self, number: int) -> None:
        """Leave the request of this number and those before it."""
        with self._lock:
            self._stopped = max(self._stopped, number)
            self._show()

    def _show(self) -> None:
        self._text[0] = b"x" if self._stopped >= self._current else b"\0"
