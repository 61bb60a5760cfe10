"""Cuts a line that was told to stop, keeps silent, or drips.

A thread that waits in `recv` notices nothing, and a read time-out never fires on a
server that sends a byte now and then. So another thread looks ten times a second and
shuts the socket down, which wakes the reader at once, inside TLS as well.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

from herd.errors import SourceFailed
from herd.transfer.part import check
from herd.transfer.patience import Patience, RateWatch
from herd.words import duration

_TICK = 0.1


class TooSlow(SourceFailed):
    """The line moved, but not fast enough to be worth waiting for."""


class Watch:
    """Guards the sockets of one line; a context manager, whose thread ends with it."""

    def __init__(self, stop: threading.Event, patience: Patience) -> None:
        self._stop = stop
        self._patience = patience
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="herd-watch", daemon=True)
        self._deadline: float | None = None
        self._rate: RateWatch | None = None
        self._count = 0
        self._reason: str | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.release()

    def hold(self, sock: socket.socket) -> None:
        """Guard a socket. A duplicate is kept, which stays valid when TLS wraps the original."""
        with self._lock:
            self._sockets.append(sock.dup())

    def release(self) -> None:
        """The line is closed: guard nothing."""
        with self._lock:
            held, self._sockets = self._sockets, []
            self._deadline = self._rate = None
        for sock in held:
            sock.close()

    def expect_head(self) -> None:
        """A request goes out: its answer must begin in time."""
        with self._lock:
            seconds = self._patience.connect + self._patience.first_byte
            self._deadline, self._rate = time.monotonic() + seconds, None
            self._reason = None

    def expect_body(self) -> None:
        """The head is there: from now on the rate counts."""
        with self._lock:
            self._deadline, self._count = None, 0
            self._rate = RateWatch(self._patience, time.monotonic())

    def saw(self, count: int) -> None:
        """So many more bytes arrived."""
        self._count += count

    def check(self, where: str) -> None:
        """Say why the line to a host was cut, if it was.

        Raises:
            Interrupted: somebody wants it to end.
            SourceFailed: it was too slow.
        """
        check(self._stop)
        if self._reason is not None:
            raise TooSlow(f"{where} {self._reason}")

    def _look(self) -> None:
        while not self._ended.wait(_TICK):
            with self._lock:
                reason = self._trouble(time.monotonic())
                if reason is not None or self._stop.is_set():
                    self._reason = self._reason or reason
                    self._cut()

    def _trouble(self, now: float) -> str | None:
        patience = self._patience
        if self._deadline is not None and now > self._deadline:
            return f"gave no answer for {duration(patience.connect + patience.first_byte)}"
        if self._rate is not None and self._rate.is_slow(self._count, now):
            return f"sent next to nothing for {duration(patience.slow_for)}"
        return None

    def _cut(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
