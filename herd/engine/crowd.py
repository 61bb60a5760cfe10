"""How many threads write beside other programs. In the child.

llama.cpp's threads meet after every operation, some hundred times for a token. Where another
program has one of their processors, all of them wait for the one that it keeps out: beside one
busy process SmolLM2 on two cores wrote 30 tokens/s with two threads and 74 with one, which
leaves that process the other core. So a thread goes while the processors are taken, and is
tried again later. Other programs show themselves: threads are put off their processors
(`ru_nivcsw`) a hundred times for a token, otherwise once or twice, and get less time than passes.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

LOOK_EVERY = 8
"""Tokens between two looks."""
LEAST_SHARE = 0.75
"""Of the time of their processors that threads get where they have them to themselves."""
MOST_PUT_OFF = 10
"""Times for each token; beside nobody it is one or two."""
FIRST_TRY, LAST_TRY = 2.0, 60.0
"""Seconds until one more thread is tried again; each try in vain doubles them."""


@dataclass(frozen=True)
class Spent:
    """What the process has spent so far."""

    moment: float
    """Seconds, of a clock that only goes on."""
    computing: float
    """Seconds of processors."""
    put_off: int
    """Times that a thread was made to leave its processor."""


def spent() -> Spent:
    """What this process has spent."""
    put_off = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
    return Spent(time.monotonic(), time.process_time(), put_off)


class Crowd:
    """Decides after each token how many threads write the next one."""

    def __init__(self, most: int, use: Callable[[int], object], spent: Callable[[], Spent]) -> None:
        """Begin with all threads.

        Args:
            most: Threads where there is nobody else.
            use: Told how many are to be used from now on.
            spent: What the process has spent.
        """
        self.threads = most
        self._most = most
        self._use = use
        self._spent = spent
        self._patience = FIRST_TRY
        self.begin()

    def begin(self, *, is_free: bool = True) -> None:
        """An answer begins; one that is not free is written with all threads, always alike."""
        self._is_free = is_free
        self._tokens = 0
        self._before = self._spent()
        self._changed = self._before.moment
        if not is_free and self.threads < self._most:
            self._set(self._most)

    def wrote(self) -> None:
        """A token was written."""
        self._tokens += 1
        if self._tokens % LOOK_EVERY or not self._is_free:
            return
        now, before = self._spent(), self._before
        self._before = now
        elapsed = (now.moment - before.moment) * self.threads
        is_slow = now.computing - before.computing < LEAST_SHARE * elapsed
        is_crowded = is_slow and now.put_off - before.put_off > MOST_PUT_OFF * LOOK_EVERY
        if is_crowded and self.threads > 1:
            self._set(self.threads - 1)
        elif self.threads == self._most:
            self._patience = FIRST_TRY
        elif now.moment - self._changed > self._patience:
            self._patience = min(self._patience * 2, LAST_TRY)
            self._set(self.threads + 1)

    def _set(self, threads: int) -> None:
        self.threads = threads
        self._changed = self._before.moment
        self._use(threads)
