"""A clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Called for the time, as time.monotonic is."""

    now: float = 0.0
    """Seconds."""

    def __call__(self) -> float:
        return self.now
