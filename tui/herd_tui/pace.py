"""How often a growing answer is drawn: as often as fits, but never most of the time.

A frame of a long conversation costs more than one of a short one. After each frame the
next waits at least three times as long as it took, so that drawing takes about a quarter
of a core at most, and keys that are typed meanwhile wait for one frame and not for ten.
"""

from __future__ import annotations

import time
from collections.abc import Callable

FRAME = 1 / 12
"""Seconds between two frames at the least."""
LONGEST = 0.5
"""Seconds between two frames at the most."""
REST = 3.0
"""How many times the length of a frame the next one waits."""


class Pace:
    """Whether it is time for the next frame."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = 0.0
        self._next = 0.0
        self._is_under_way = False

    def begins(self) -> bool:
        """Whether a frame may begin now; if so, it counts as begun."""
        now = self._clock()
        if now < self._next or (self._is_under_way and now < self._begun + LONGEST):
            return False
        self._begun, self._is_under_way = now, True
        return True

    def ends(self) -> None:
        """The frame is on the screen."""
        now = self._clock()
        self._is_under_way = False
        self._next = now + min(LONGEST, max(0.0, REST * (now - self._begun)))
