"""Cuts lines that were told to stop, keep silent, or drip.

A thread that waits in `recv` notices nothing, and a read time-out never fires on a
server that sends a byte now and then. So one thread looks ten times a second at all
lines of a transfer and shuts sockets down, which wakes the readers at once, inside TLS
as well. It also compares the lines with one another: what is slow beside its siblings is
cut long before it would be called slow alone.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Self, TypeVar

from herd.errors import SourceFailed
from herd.transfer.pace import Pace
from herd.transfer.part import check
from herd.transfer.patience import Patience, RateWatch
from herd.words import duration

Made = TypeVar("Made")

_TICK = 0.1
_HELD = 3
"""Sockets of one line that can be alive at once: a redirect's two ends, and one to spare."""


class TooSlow(SourceFailed):
    """The line moved, but not fast enough to be worth waiting for."""


class Guard:
    """What the watch knows of one line. The line tells it what it does; the watch may cut it."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._deadline: float | None = None
        self._rate: RateWatch | None = None
        self._count = 0
        self._reason: str | None = None
        self._is_cut = False
        self._pace = Pace(time.monotonic())

    def hold(self, sock: socket.socket) -> None:
        """Guard a socket. A duplicate is kept, which stays valid when TLS wraps the original."""
        with self._lock:
            self._sockets.append(sock.dup())
            old, self._sockets = self._sockets[:-_HELD], self._sockets[-_HELD:]
        for each in old:
            each.close()

    def release(self) -> None:
        """The line is closed: guard nothing."""
        with self._lock:
            held, self._sockets = self._sockets, []
            self._deadline = self._rate = None
        for sock in held:
            sock.close()

    def expect_head(self) -> None:
        """A request goes out: its answer must begin in time."""
        patience = self._watch.patience
        with self._lock:
            seconds = patience.connect + patience.first_byte
            self._deadline, self._rate = time.monotonic() + seconds, None
            self._reason, self._is_cut = None, False

    def expect_body(self) -> None:
        """The head is there, or the line goes on after a rest: from now on the rate counts."""
        now = time.monotonic()
        with self._lock:
            self._deadline, self._count = None, 0
            self._rate, self._pace = RateWatch(self._watch.patience, now), Pace(now)

    def rest(self) -> None:
        """The line does not read now, and is not to be blamed for it."""
        with self._lock:
            self._deadline = self._rate = None

    def saw(self, count: int) -> None:
        """So many more bytes arrived."""
        self._count += count

    def cut(self) -> None:
        """Wake whoever waits on this line: it is not needed any more."""
        with self._lock:
            self._is_cut = True
            self._shut()

    def check(self, where: str) -> None:
        """Say why the line to a host was cut, if it was.

        Raises:
            Interrupted: somebody wants it to end.
            SourceFailed: it was too slow.
        """
        check(self._watch.stop)
        if self._reason is not None:
            raise TooSlow(f"{where} {self._reason}")
        if self._is_cut:
            raise SourceFailed(f"{where} is not needed any more")

    def wait_for(self, call: Callable[[], Made], where: str) -> Made:
        """What a call gives that nobody can cut; it is left to itself once the line is to end.

        Raises:
            Interrupted, SourceFailed: as `check`; and whatever the call raises.
        """
        made: list[Made] = []
        trouble: list[Exception] = []
        is_left = threading.Event()

        def run() -> None:
            try:
                made.append(call())
            except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
                trouble.append(error)
            if is_left.is_set():
                let_go()

        def let_go() -> None:
            for each in made:
                if isinstance(each, socket.socket):
                    each.close()

        thread = threading.Thread(target=run, name="herd-aside", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_TICK)
                self.check(where)
        except BaseException:
            is_left.set()
            let_go()
            raise
        if trouble:
            raise trouble[0]
        return made[0]

    def rate(self, now: float) -> float | None:
        """Bytes per second; None when the line does not read a body, or has just begun to."""
        with self._lock:
            if self._rate is None:
                return None
            self._pace.add(self._count - self._rate.seen, now)
            self._rate.seen = self._count
            return self._pace.rate(now)

    def look(self, now: float, least_rate: float) -> None:
        """Cut the line if it must end or is too slow."""
        with self._lock:
            reason = self._trouble(now, least_rate)
            if reason is not None or self._watch.stop.is_set():
                self._reason = self._reason or reason
                self._shut()

    def _trouble(self, now: float, least_rate: float) -> str | None:
        patience = self._watch.patience
        if self._deadline is not None and now > self._deadline:
            return f"gave no answer for {duration(patience.connect + patience.first_byte)}"
        if self._rate is not None and self._rate.is_slow(self._count, now, least_rate):
            return f"sent next to nothing for {duration(patience.slow_for)}"
        return None

    def _shut(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Watch:
    """Guards the lines of one transfer; a context manager, whose thread ends with it."""

    def __init__(self, stop: threading.Event, patience: Patience) -> None:
        self.stop = stop
        self.patience = patience
        self._lock = threading.Lock()
        self._guards: list[Guard] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="herd-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for guard in self._all():
            guard.release()

    def guard(self) -> Guard:
        """A guard for one more line."""
        guard = Guard(self)
        with self._lock:
            self._guards.append(guard)
        return guard

    def dismiss(self, guard: Guard) -> None:
        """A line is gone."""
        guard.release()
        with self._lock:
            self._guards.remove(guard)

    def cut(self) -> None:
        """Cut every line: what is still on its way is not needed."""
        for guard in self._all():
            guard.cut()

    def _all(self) -> list[Guard]:
        with self._lock:
            return list(self._guards)

    def _look(self) -> None:
        while not self._ended.wait(_TICK):
            now, guards = time.monotonic(), self._all()
            rates = [rate for each in guards if (rate := each.rate(now)) is not None]
            floor = float(self.patience.least_rate)
            if len(rates) > 1:
                floor = max(floor, median(rates) * self.patience.least_share)
            for guard in guards:
                guard.look(now, floor)
