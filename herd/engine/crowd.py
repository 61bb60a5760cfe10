"""How many threads write beside other programs. In the child.

llama.cpp's threads meet after every operation, some hundred times for a token. Where another
program has one of their processors, all of them wait for the one that it keeps out: beside one
busy process SmolLM2 on two cores wrote 30 tokens/s with two threads and 74 with one, which
leaves that process the other core. So a thread goes while the processors are taken, and is
tried again later, for three tokens. Other programs show themselves: threads are put off their
processors (`ru_nivcsw`) a hundred times for a token, otherwise once or twice, and get less time
than passes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

LOOK_EVERY, LOOK_AFTER = 8, 3
"""Tokens between two looks; fewer after a change, and at the beginning."""
LEAST_SHARE = 0.75
"""Of the time of their processors that threads get where they have them to themselves."""
MOST_PUT_OFF = 10
"""Times for each token; beside nobody it is one or two."""
FIRST_TRY, LAST_TRY = 32, 256
"""Tokens until one more thread is tried again; each try in vain doubles them."""
IN_VAIN, IN_VAIN_SO_FAR = 1.1, 1.5
"""Times that a token takes longer with fewer threads where others were not the reason: fast
cores wait for slow ones, too, and on many cores somebody is always put off. The second while
it still looks crowded: where several processors are taken, the last thread to go is what helps."""


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
    return Spent(time.monotonic(), time.process_time(), _put_off())


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
        self.begin()

    def begin(self, *, is_free: bool = True) -> None:
        """An answer begins, with all threads; one that is not free is always written alike."""
        self._is_free = is_free
        self._tokens = self._looked = 0
        self._look_at = LOOK_AFTER
        self._before = self._spent()
        self._patience = self._try_at = FIRST_TRY
        self._is_tried = False
        self._pace: float | None = None
        self._hold = FIRST_TRY
        self._held_until = 0
        if self.threads < self._most:
            self._set(self._most)

    def wrote(self) -> None:
        """A token was written."""
        self._tokens += 1
        if self._tokens >= self._look_at and self._is_free:
            self._look()

    def _look(self) -> None:
        now, before, tokens = self._spent(), self._before, self._tokens - self._looked
        self._before, self._looked, self._look_at = now, self._tokens, self._tokens + LOOK_EVERY
        elapsed = now.moment - before.moment
        is_slow = now.computing - before.computing < LEAST_SHARE * elapsed * self.threads
        is_crowded = is_slow and now.put_off - before.put_off > MOST_PUT_OFF * tokens
        in_vain = IN_VAIN_SO_FAR if is_crowded else IN_VAIN
        if self._pace and elapsed / tokens > in_vain * self._pace:
            self._take_back()
        elif is_crowded and self.threads > 1 and self._tokens >= self._held_until:
            self._drop(elapsed / tokens)
        else:
            self._go_on()

    def _drop(self, pace: float) -> None:
        """One thread less. Of several in a row the pace before the first is what counts."""
        if self._is_tried:
            self._patience = min(self._patience * 2, LAST_TRY)
        self._is_tried = False
        self._try_at = self._tokens + self._patience
        self._pace = self._pace or pace
        self._set(self.threads - 1)

    def _take_back(self) -> None:
        """It is slower with fewer threads: nobody was in their way."""
        self._pace = None
        self._held_until = self._tokens + self._hold
        self._hold = min(self._hold * 2, LAST_TRY)
        self._set(self._most)

    def _go_on(self) -> None:
        """With as many threads as now, or with one more."""
        self._pace = None
        if self._is_tried:
            self._is_tried = False
            self._patience = FIRST_TRY
            self._try_at = self._tokens + FIRST_TRY
        if self.threads < self._most and self._tokens >= self._try_at:
            self._is_tried = True
            self._set(self.threads + 1)

    def _set(self, threads: int) -> None:
        self.threads = threads
        self._look_at = self._tokens + LOOK_AFTER
        self._use(threads)


if sys.platform == "win32":

    def _put_off() -> int:
        """It does not count that, so nothing looks crowded there."""
        return 0

else:
    import resource

    def _put_off() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
