"""How fast bytes may come: one budget for everything that moves them.

A budget is a bucket of bytes that fills at the limit. Whoever read bytes takes them out,
and waits while the bucket is in debt. Budgets form a chain: what a job takes is taken
from the whole herd's budget, too. A carrier that cannot be held back byte by byte (a
swarm) says what it moved with `spend`, and asks `fair_share` how fast it may go.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from herd.transfer.pace import Pace

_BURST = 0.25
"""Seconds of the limit that may come at once."""


class Budget:
    """A limit in bytes per second, shared by all threads that hold it."""

    def __init__(
        self,
        limit: int | None = None,
        parent: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """No limit is None.

        Args:
            limit: Bytes per second.
            parent: A budget that must allow it, too.
            clock: Seconds that never go back.
        """
        self._limit = limit
        self._parent = parent
        self._clock = clock
        self._lock = threading.Lock()
        self._level = 0.0
        self._then = clock()
        self._pace = Pace(self._then)
        self.out: Budget | None = None
        """What may go out meanwhile (peers of a swarm ask as they give); None: all that goes."""

    @property
    def limit(self) -> int | None:
        """Bytes per second of this budget alone."""
        return self._limit

    def set(self, limit: int | None) -> None:
        """Change the limit; it counts from the next byte on."""
        with self._lock:
            self._limit = limit
            self._level, self._then = 0.0, self._clock()

    @property
    def tightest(self) -> int | None:
        """The lowest limit of the chain."""
        above = self._parent.tightest if self._parent else None
        known = [each for each in (self._limit, above) if each is not None]
        return min(known, default=None)

    def spend(self, count: int) -> float:
        """Take bytes out; seconds to wait before the next ones."""
        with self._lock:
            now = self._clock()
            self._pace.add(count, now)
            seconds = self._owe(count, now)
        return max(seconds, self._parent.spend(count) if self._parent else 0.0)

    def pay(self, count: int, stop: threading.Event) -> None:
        """Take bytes out, and wait until the next ones may come, or `stop` is set."""
        seconds = self.spend(count)
        if seconds > 0:
            stop.wait(seconds)

    def rate(self) -> float:
        """Bytes per second that come through this budget now."""
        with self._lock:
            return self._pace.rate(self._clock())

    def fair_share(self, mine: float) -> int | None:
        """Bytes per second that one that moves `mine` now may move, None for no limit.

        What the others leave; and at least half, so that two who both hold back
        do not starve each other.
        """
        shares = [] if self._limit is None else [self._share(self._limit, mine)]
        above = self._parent.fair_share(mine) if self._parent else None
        shares += [] if above is None else [above]
        return min(shares, default=None)

    def _share(self, limit: int, mine: float) -> int:
        others = max(0.0, self.rate() - mine)
        return max(1, int(max(limit - others, limit / 2 if others else limit)))

    def _owe(self, count: int, now: float) -> float:
        if self._limit is None:
            return 0.0
        filled = self._level + (now - self._then) * self._limit
        self._level = min(filled, self._limit * _BURST) - count
        self._then = now
        return max(0.0, -self._level / self._limit)
