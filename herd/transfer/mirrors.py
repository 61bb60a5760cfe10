"""How the mirrors of one file stand: who may be asked now, by how many, and who is out.

Every mirror begins unknown: one connection finds out where it leads and whether it serves
ranges. Then each gets its share of the workers, the faster ones more. A mirror that cannot
now is left alone for as long as it asks, with half the connections afterwards; one that
brings nothing new many times in a row, or refuses, is out. An answer that breaks the rules of
ranges may be a proxy's: the mirror is asked once more, over a new connection.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from herd.errors import SourceFailed, SourceRefused
from herd.model import HfSource, UrlSource
from herd.transfer.mirror import Mirror
from herd.transfer.patience import Patience
from herd.transfer.ranges import NotNow, OddRange
from herd.transfer.reach import Reach
from herd.transfer.watch import TooSlow

_NEAR = 2.0
"""Seconds until a mirror that serves ranges may be asked again."""
_HICCUPS = 2
"""Failures without progress after which a mirror is said to be away."""
_SOME = 4.0
"""Seconds that an answer lasts."""
_BETTER = 1.5
"""How many times as fast another mirror must be for a worker to leave its own."""


class Hosts:
    """Connections of this process by host; files that come from the same host share them."""

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: dict[str, Counter[object]] = {}

    def enter(self, host: str, file: object) -> bool:
        """Whether one more connection may be opened for a file; if so it counts."""
        with self._lock:
            files = self._open.setdefault(host, Counter())
            files.setdefault(file, 0)
            share = max(1, self._most // len(files))
            if files[file] >= share or files.total() >= max(self._most, len(files)):
                return False
            files[file] += 1
            return True

    def leave(self, host: str, file: object) -> None:
        """A connection is closed."""
        with self._lock:
            self._open[host][file] -= 1

    def forget(self, file: object) -> None:
        """A file is done: what it had is for the others."""
        with self._lock:
            for files in self._open.values():
                files.pop(file, None)


@dataclass(eq=False)
class Standing:
    """One mirror, and what came of asking it."""

    source: UrlSource | HfSource
    mirror: Mirror
    reach: Reach
    allowed: int
    """Connections at once."""
    connections: int = 0
    rate: float | None = None
    """Bytes per second of one answer, None before the first."""
    late: float = 0.0
    """Seconds that it takes to answer."""
    failures: int = 0
    """In a row without progress."""
    failed_at: float = 0.0
    fresh: int = 0
    """Bytes that were new since the last failure."""
    moved_at: float = -float("inf")
    """When bytes of it were new last."""
    until: float = 0.0
    """When it may be asked again."""
    trouble: SourceFailed | None = None
    """What went wrong last."""
    out: SourceFailed | None = None
    """Why it is not asked any more."""
    is_known: bool = False
    """Whether it answered as a mirror should."""
    is_single: bool = False
    """It sends the file from its beginning only."""
    is_barred: bool = False
    """Left out for a while, to see whether the file is right without it."""
    is_odd: bool = False
    """Its last answer broke the rules of ranges: the next one must not."""
    etag: str | None = None
    """Its strong validator."""

    @property
    def key(self) -> str:
        """Its address as configured."""
        return self.mirror.address.url

    @property
    def host(self) -> str:
        """For people."""
        return self.mirror.address.host

    @property
    def is_usable(self) -> bool:
        """Whether it may ever be asked again."""
        return self.out is None and not self.is_barred


class Mirrors:
    """The mirrors of one file; shared by its workers."""

    def __init__(self, each: Sequence[Standing], patience: Patience, hosts: Hosts) -> None:
        self.each = tuple(each)
        self._patience = patience
        self._hosts = hosts
        self._lock = threading.Lock()

    def join(self, current: Standing | None, now: float) -> Standing | None:
        """The mirror that a worker should ask next, and a place there; None: wait a little."""
        with self._lock:
            good = [one for one in self.each if self._is_open(one, now)]
            ranged = [one for one in good if not one.is_single]
            if not ranged and any(self._is_near(one, now) for one in self.each):
                return None
            for one in sorted(ranged or good, key=lambda one: _rank(one, current)):
                if self._hosts.enter(one.host, self):
                    one.connections += 1
                    return one
        return None

    def leave(self, one: Standing) -> None:
        """Give the place back."""
        with self._lock:
            one.connections -= 1
            self._hosts.leave(one.host, self)

    def close(self) -> None:
        """Nobody is asked any more."""
        self._hosts.forget(self)

    def answered(self, one: Standing, etag: str | None, seconds: float) -> None:
        """It answered as it should, after so many seconds."""
        with self._lock:
            one.late = 0.5 * (one.late + seconds) if one.is_known else seconds
            one.is_known, one.is_odd = True, False
            one.etag = one.etag or etag

    def moved(self, one: Standing, count: int, seconds: float, new: int) -> None:
        """An answer brought `count` bytes in so many seconds, `new` of them not there yet."""
        with self._lock:
            one.fresh += new
            one.moved_at = monotonic() if new else one.moved_at
            if seconds > 0 and count:
                rate = count / seconds
                one.rate = rate if one.rate is None else 0.5 * (one.rate + rate)

    def failed(self, one: Standing, trouble: SourceFailed, began: float, now: float) -> float:
        """An attempt failed; seconds before the next one. Those that fail together count once."""
        with self._lock:
            one.trouble = trouble
            is_odd = isinstance(trouble, OddRange)
            if isinstance(trouble, SourceRefused) and not is_odd:
                one.out = one.out or trouble
                return 0.0
            if began < one.failed_at:
                return max(0.0, one.until - now)
            one.failed_at = now
            if is_odd and one.is_odd:
                one.out = one.out or trouble
                return 0.0
            one.is_odd = is_odd
            is_slow = isinstance(trouble, TooSlow)
            # A server that drips brings `progress` bytes in time, too, and would never end.
            one.failures = (
                0 if one.fresh >= self._patience.progress and not is_slow else (one.failures + 1)
            )
            one.fresh = 0
            return self._rest(one, trouble, now)

    def put_out(self, one: Standing, why: SourceFailed) -> None:
        """It is not asked any more."""
        with self._lock:
            one.out = one.out or why

    def are_out(self) -> bool:
        """Whether none can be asked ever again."""
        with self._lock:
            return not any(one.is_usable for one in self.each)

    def are_resting(self, now: float) -> bool:
        """Whether all that may be asked ever again are left alone now, and not for a hiccup."""
        with self._lock:
            usable = [one for one in self.each if one.is_usable]
            return bool(usable) and all(_is_resting(one, now) for one in usable)

    def at_work(self) -> int:
        """How many mirrors are being asked now."""
        with self._lock:
            return sum(one.connections > 0 and one.is_known for one in self.each)

    def others(self, one: Standing) -> bool:
        """Whether another mirror could do its work."""
        with self._lock:
            return any(each.is_usable and each is not one for each in self.each)

    def _rest(self, one: Standing, trouble: SourceFailed, now: float) -> float:
        patience = self._patience
        if one.failures >= patience.attempts and now - one.moved_at > patience.outage:
            one.out = SourceFailed(
                f"{trouble.message}, {one.failures} times in a row", trouble.hint
            )
            return 0.0
        seconds = patience.backoff(one.failures)
        if isinstance(trouble, NotNow):
            one.allowed = max(1, one.allowed // 2)
            seconds = min(max(seconds, trouble.seconds or 0.0), patience.longest_asked)
        one.until = now + seconds
        return seconds

    def _is_open(self, one: Standing, now: float) -> bool:
        most = one.allowed if one.is_known and not one.is_single else 1
        return one.is_usable and one.until <= now and one.connections < most

    def _is_near(self, one: Standing, now: float) -> bool:
        """Whether it is worth waiting for, rather than to take the whole file from another."""
        if one.is_single:
            return one.connections > 0
        return one.is_usable and (one.connections > 0 or one.until <= now + _NEAR)


def _is_resting(one: Standing, now: float) -> bool:
    left = one.until - now
    return one.connections == 0 and left > 0 and (one.failures >= _HICCUPS or left > _NEAR)


def _rank(one: Standing, current: Standing | None) -> tuple[float, int]:
    """The lower, the better: the unknown before all, then the fastest, the less busy of equals."""
    if one.rate is None:
        return -float("inf") if one.connections == 0 else 0.0, one.connections
    # As fast as the wait for an answer leaves it, over some seconds.
    rate = one.rate * _SOME / (_SOME + one.late)
    return -rate * (_BETTER if one is current else 1.0), one.connections
