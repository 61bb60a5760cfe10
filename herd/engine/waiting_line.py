"""A line of those who wait: served one at a time, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

_GLANCE = 0.03
"""Seconds between two looks at whether one still wants to wait."""


class Line:
    """A lock that is fair, and that one may leave before it is one's turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        """Who is served now stands first."""

    @property
    def length(self) -> int:
        """How many there are, with the one that is served."""
        return len(self._waiting)

    def enter(self, look: Callable[[], bool]) -> bool:
        """Wait for one's turn; False if `look` said meanwhile that one does not want to.

        Args:
            look: Called now and then while waiting, without the lock held.
        """
        me = object()
        with self._changed:
            self._waiting.append(me)
        while True:
            with self._changed:
                if self._waiting[0] is me:
                    return True
                self._changed.wait(_GLANCE)
                if self._waiting[0] is me:
                    return True
            if not look():
                self._drop(me)
                return False

    def leave(self) -> None:
        """Whoever is served is done."""
        with self._changed:
            self._waiting.popleft()
            self._changed.notify_all()

    def _drop(self, me: object) -> None:
        with self._changed:
            self._waiting.remove(me)
            self._changed.notify_all()
