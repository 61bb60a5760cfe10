"""How fast bytes come just now: counts and moments in, bytes per second out. No clock."""

from __future__ import annotations

from collections import deque

_WINDOW = 3.0
_STEP = 0.1


class Pace:
    """The rate over the last seconds, silence included."""

    def __init__(self, now: float) -> None:
        """Begins now; every `now` here is seconds of one monotonic clock."""
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])
        self._count = 0

    def add(self, count: int, now: float) -> None:
        """So many more bytes came."""
        self._count += count
        marks = self._marks
        if now - marks[-1][0] >= _STEP:
            marks.append((now, self._count))
            while len(marks) > 2 and now - marks[1][0] >= _WINDOW:
                marks.popleft()

    def rate(self, now: float) -> float:
        """Bytes per second."""
        since, then = self._marks[0]
        for moment, count in self._marks:
            if now - moment < _WINDOW:
                break
            since, then = moment, count
        elapsed = max(now - since, _STEP)
        return (self._count - then) / elapsed
