"""How long to wait, for what, and when to stop waiting. Numbers and arithmetic, no clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_CHANCE = random.SystemRandom()


@dataclass(frozen=True)
class Patience:
    """What a source is granted. Times are seconds."""

    connect: float = 10.0
    """For a connection to one address."""
    first_byte: float = 30.0
    """From the request to the head of the answer, TLS included."""
    least_rate: int = 1024
    """Bytes per second; a read time-out alone never notices a server that drips."""
    least_share: float = 0.1
    """Of the median rate of all connections; a connection below that is cut, too."""
    slow_for: float = 15.0
    """How long the rate may stay below them."""
    first_wait: float = 0.5
    """The longest wait before the second attempt; it doubles from there."""
    longest_wait: float = 30.0
    longest_asked: float = 600.0
    """The longest wait that a server gets by asking for it (Retry-After)."""
    attempts: int = 8
    """In a row without progress; then the source is given up."""
    outage: float = 300.0
    """How long a source that gave bytes in this run may be gone, however many attempts that is."""
    progress: int = 64 * 1024
    """Bytes beyond what was ever there that count as progress: the next attempt is at once."""
    redirects: int = 10

    def backoff(self, failures: int) -> float:
        """Seconds before the next attempt after so many failures: full jitter, doubling."""
        if failures <= 0:
            return 0.0
        ceiling = min(self.longest_wait, self.first_wait * 2.0 ** min(failures - 1, 32))
        return _CHANCE.uniform(0, ceiling)


def _now() -> datetime:
    return datetime.now(UTC)


def retry_after(text: str | None, now: Callable[[], datetime] = _now) -> float | None:
    """Seconds that a Retry-After header asks for: a number or a date (RFC 9110 §10.2.3).

    None when there is no header or it does not read.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(int(text[:9]))
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment - now()).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


class RateWatch:
    """Notices a stream that moves, but too slowly to be called moving."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._since = now
        self._then = 0
        self.seen = 0
        """The count at the last look; kept for whoever measures the rate."""

    def is_slow(self, count: int, now: float, least_rate: float) -> bool:
        """Whether `count` bytes so far mean that the last `slow_for` seconds were too slow.

        Args:
            count: Bytes since the beginning.
            now: Seconds of a monotonic clock.
            least_rate: Bytes per second.
        """
        if count - self._then >= least_rate * self._patience.slow_for:
            self._since, self._then = now, count
        return now - self._since >= self._patience.slow_for
