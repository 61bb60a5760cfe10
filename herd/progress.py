"""Progress: a Gauge that work moves and that whoever shows it reads on a clock.

The work never calls the screen. 20,000 updates sent as messages cost seconds; a
gauge that is read ten times a second costs nothing that can be measured.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from herd.words import count

RATE_WINDOW = 5.0
"""Seconds over which the rate is taken."""


_SETTLING = 0.5
"""Seconds in which a new limit reaches everybody."""


class Stage(StrEnum):
    """What a job is doing; the words are shown as they are."""

    WAITING = "waiting"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    CONVERTING = "converting"
    COPYING = "copying"
    INSTALLING = "installing"
    DONE = "done"
    FAILED = "failed"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Progress:
    """A snapshot of a Gauge."""

    stage: Stage
    done: int
    """Bytes done in this stage."""
    total: int | None
    """Bytes of this stage, None when nobody knows."""
    rate: float
    """Bytes per second over the last seconds."""
    note: str
    """What is going on beside the numbers: which source, why it waits."""
    mirrors: int = 0
    """Addresses that give bytes now."""
    peers: int = 0
    """Members of a swarm that give bytes now."""

    @property
    def sources(self) -> str:
        """Who is at work, in words: `12 peers + 2 mirrors`; empty when nobody is."""
        words = [(self.peers, "peer"), (self.mirrors, "mirror")]
        return " + ".join(count(number, word) for number, word in words if number)

    @property
    def fraction(self) -> float | None:
        """From 0 to 1, None when the total is not known."""
        if self.total is None:
            return None
        return min(1.0, self.done / self.total) if self.total else 1.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds to go at this rate, None when that cannot be said."""
        if self.total is None or self.rate <= 0:
            return None
        return max(0.0, (self.total - self.done) / self.rate)


class Gauge:
    """The moving value; one writer thread, any number of readers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stage = Stage.WAITING
        self._done = 0
        self._total: int | None = None
        self._note = ""
        self._mirrors = self._peers = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._settled_at = clock()

    def begin(self, stage: Stage, total: int | None = None, done: int = 0, note: str = "") -> None:
        """Enter a stage: `done` of `total` bytes are there already and do not count as speed."""
        with self._lock:
            self._stage, self._total, self._done, self._note = stage, total, done, note
            self._mirrors = self._peers = 0
            self._marks.clear()
            self._marks.append((self._clock(), done))

    def advance(self, count: int) -> None:
        """`count` more bytes are done."""
        with self._lock:
            self._move(self._done + count)

    def move_to(self, done: int, total: int | None = None) -> None:
        """`done` bytes are done, as somebody else counted them; `total` if it became known."""
        with self._lock:
            if total is not None:
                self._total = total
            self._move(done)

    def pace_anew(self) -> None:
        """Take the rate from now on: what came before, or is on its way, had another limit."""
        with self._lock:
            self._settled_at = self._clock() + _SETTLING
            self._move(self._done)

    def note(self, text: str) -> None:
        """Say what is going on beside the numbers."""
        with self._lock:
            self._note = text

    def at_work(self, *, mirrors: int | None = None, peers: int | None = None) -> None:
        """Say how many give bytes now; what is not said stays."""
        with self._lock:
            self._mirrors = self._mirrors if mirrors is None else mirrors
            self._peers = self._peers if peers is None else peers

    def read(self) -> Progress:
        """The snapshot of this moment."""
        with self._lock:
            return Progress(
                self._stage,
                self._done,
                self._total,
                self._rate(),
                self._note,
                self._mirrors,
                self._peers,
            )

    def _move(self, done: int) -> None:
        self._done = done
        now = self._clock()
        if now < self._settled_at:
            self._marks.clear()
        if now - self._marks[-1][0] >= 0.1 if self._marks else True:
            self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > RATE_WINDOW:
            self._marks.popleft()

    def _rate(self) -> float:
        if not self._marks:
            return 0.0
        since, then = self._marks[0]
        elapsed = self._clock() - since
        return max(0.0, (self._done - then) / elapsed) if elapsed > 0 else 0.0
