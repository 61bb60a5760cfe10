"""A mirror of which nothing is known is asked for one piece, and for more once that proved right.

So a liar costs one piece, at its server as well, whether it feeds a swarm or works in its place.
A piece may never be judged: peers may have taken it over, or libtorrent hung up. Then another
one is tried after a while. Pure but for a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

PATIENCE = 5.0
"""Seconds without a verdict after which a mirror may be tried with another piece."""

_NONE = -1


class Trials:
    """Which bytes each mirror may be asked for; used by many threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Nobody has proved anything."""
        self._piece_size: int | None = None
        self._proved: set[str] = set()
        self._on: dict[str, tuple[int, float]] = {}
        """The piece that a mirror is tried with, and since when."""
        self._clock = clock
        self._changed = threading.Condition()

    def learn(self, piece_size: int | None) -> None:
        """The size of a piece; None, as at first: nobody is tried, and anything may be asked.

        Whoever was tried with a piece of another size is tried with one of this size at once: the
        number of the old one names other bytes now. Who is to wait after a wrong piece still does.
        """
        with self._changed:
            if piece_size is not None and piece_size != self._piece_size:
                self._on = {key: on for key, on in self._on.items() if on[0] == _NONE}
            self._piece_size = piece_size

    @property
    def are_on(self) -> bool:
        """Whether anybody is tried."""
        with self._changed:
            return self._piece_size is not None

    @property
    def is_anybody_free(self) -> bool:
        """Whether anybody may be asked for anything."""
        with self._changed:
            return self._piece_size is None or bool(self._proved)

    def is_free(self, key: str) -> bool:
        """Whether it may be asked for anything."""
        with self._changed:
            return self._piece_size is None or key in self._proved

    def has_proved(self, key: str) -> bool:
        """Whether a piece to which a mirror gave bytes was right."""
        with self._changed:
            return key in self._proved

    def limit(self, key: str, at: int, stop: int) -> int:
        """How far a mirror may be asked from `at` on, at most to `stop`; `at` itself: not now."""
        with self._changed:
            if self._piece_size is None or key in self._proved:
                return stop
            piece, now = at // self._piece_size, self._clock()
            tried, since = self._on.get(key, (piece, now))
            if now - since > PATIENCE:
                tried, since = piece, now
            self._on[key] = (tried, since)
            return min(stop, (piece + 1) * self._piece_size) if piece == tried else at

    def passed(self, key: str) -> None:
        """A piece to which it gave bytes was right."""
        with self._changed:
            self._proved.add(key)
            self._changed.notify_all()

    def failed(self, key: str) -> None:
        """A piece of its was wrong, perhaps by another's fault: it is tried again, later."""
        with self._changed:
            self._proved.discard(key)
            self._on[key] = (_NONE, self._clock())

    def wait(self, seconds: float) -> None:
        """Until somebody was judged, at most so long."""
        with self._changed:
            self._changed.wait(seconds)
