"""The board of one file under way: what is written, what is claimed, what is free.

Theory of operation. Every byte of the file is in one of three sets: *written*, *claimed*
by one worker, or *free*. A worker takes a claim from the lowest free bytes, as much as it
will fetch in a few seconds, so that what is written stays nearly contiguous and can be
hashed while it grows. When nothing is free a worker that has nothing to do takes the far
end of the claim that would last longest: so no straggler holds up the end, and equal
splits are never needed. A claim of which nothing came yet is left alone for twice as long as
its giver ever took to answer. The later a giver answers, the larger are the claims and the
less is worth taking, so that workers do not spend their time waiting for answers. Of several
connections over one line often one has most of it (the others cannot grow while its queue is
full), so the others hold little, and what they hold in the end is taken from them. A worker
moves its claim forward before it writes, so that what it is writing cannot be taken from it.

Pure but for its lock: no file, no network, and the clock is an argument.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from herd.transfer.extents import Extents
from herd.transfer.pace import Pace
from herd.transfer.trials import Trials

LEAST = 1024 * 1024
"""Bytes of the smallest claim."""
MOST = 64 * 1024 * 1024
SECONDS = 4.0
"""How long a claim should take."""
FIRST = 4 * 1024 * 1024
"""Bytes of the first claim; a worker whose rate is not known yet takes LEAST beside others."""
LATES = 8.0
"""How many times as long as its giver takes to answer a claim should take besides."""
_LAST = 256 * 1024
"""Bytes of the smallest claim towards the end."""
_LEAST_LATES = 3.0
"""How many times as long as an answer takes it should take at least: who waits half of the time
leaves the line to others, which take long to use it (CUBIC, RFC 9438).
"""
WORTH = 1.0
"""Seconds that a giver may be silent at the beginning of a claim before it is taken."""
KNOWN = 0.4
"""Seconds of an answer after which it is known how long a claim will last."""
GAIN = 0.25
"""Seconds that a giver must be done earlier for its claim to be worth taking from."""
_TIMES = 2.0
"""How many times as long as ever before a giver may be silent before its claim is taken."""
_ALIGN = 64 * 1024


class Claim:
    """Bytes that one worker fetches now; made by a Board."""

    def __init__(self, start: int, stop: int, giver: str, now: float) -> None:
        self.start = start
        self.at = start
        """The next byte to write."""
        self.stop = stop
        """One past the last byte; another worker may lower it."""
        self.giver = giver
        """The key of the source that it is fetched from."""
        self.pace = Pace(now)
        """Since the answer began to come."""
        self.began = now
        """When it was asked for, then when the answer began to come."""

    @property
    def left(self) -> int:
        """Bytes still to come."""
        return self.stop - self.at

    @property
    def is_silent(self) -> bool:
        """Whether no byte came yet."""
        return self.at == self.start


class Board:
    """Shared by all workers of one file."""

    def __init__(
        self,
        size: int | None,
        workers: int = 1,
        clock: Callable[[], float] = monotonic,
        trials: Trials | None = None,
    ) -> None:
        """Everything is free; with no size, only what the first answer will tell.

        Args:
            size: Bytes of the file, where known.
            workers: How many there are.
            clock: Seconds that never go back.
            trials: Who may be asked for how much, where somebody proves pieces as they come.
        """
        self.size = size
        self.trials = trials
        self.workers = workers
        """How many there are now: towards the end they take small shares of what is left."""
        lock = threading.RLock()
        self.changed = threading.Condition(lock)
        """Notified when there may be something to do."""
        self._grown = threading.Condition(lock)
        self._awaited: int | None = None
        self.written = Extents()
        self.given: dict[str, Extents] = {}
        """Who gave what of it."""
        self.wasted = 0
        """Bytes that came and were there already, or were thrown away."""
        self._clock = clock
        self._claims: list[Claim] = []
        self._silences: dict[str, float] = {}
        """Seconds that each giver may be silent at the beginning of a claim."""
        self._free = Extents([(0, size)] if size else [(0, FIRST)])

    @property
    def done(self) -> int:
        """Bytes written."""
        return self.written.total

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return self.size is not None and self.written.total >= self.size

    @property
    def is_divisible(self) -> bool:
        """Whether one more worker would find something to do."""
        if self.trials is not None and not self.trials.is_anybody_free:
            return False
        with self.changed:
            return bool(self._free) or any(claim.left > LEAST for claim in self._claims)

    def prefix(self) -> int:
        """Bytes from the beginning that are written without a gap."""
        with self.changed:
            return self.written.reach(0)

    def learn(self, size: int) -> bool:
        """The size became known; False when it contradicts what was known."""
        with self.changed:
            if self.size is not None:
                return self.size == size
            self.size = size
            self._free.add(FIRST, size)
            self._free.remove(size, max(size, FIRST))
            for claim in self._claims:
                claim.stop = min(claim.stop, size)
            self.changed.notify_all()
            return True

    def put(self, giver: str, spans: Extents) -> None:
        """Bytes that an earlier try wrote."""
        with self.changed:
            for start, stop in spans:
                self._mark(giver, start, stop)
                self._free.remove(start, stop)

    def take(self, giver: str, rate: float | None, late: float = 0.0) -> Claim | None:
        """Something to fetch, None when there is nothing now.

        Args:
            giver: The key of the source that will be asked.
            rate: Bytes per second of one answer of it, None when it is new.
            late: Seconds from a question to its answer.
        """
        with self.changed:
            if self.size is None and self._claims:
                return None  # whether there is more, the first answer will say
            span = self._next(rate, late)
            if self.trials is not None and not self.trials.is_free(giver):
                span = self._tried(self.trials, giver, span)
            else:
                span = span or self._steal(rate, late)
            if span is None:
                return None
            claim = Claim(*span, giver, self._clock())
            self._claims.append(claim)
            return claim

    def advance(self, claim: Claim, count: int) -> int:
        """Say that `count` bytes are about to be written; how many of them are still wanted."""
        with self.changed:
            now = self._clock()
            if claim.is_silent and count:
                self._waited(claim, now)
                claim.began, claim.pace = now, Pace(now)
            count = min(count, claim.left)
            claim.at += count
            claim.pace.add(count, now)
            return count

    def wrote(self, giver: str, start: int, stop: int) -> None:
        """Bytes are in the file."""
        with self.changed:
            self.wasted += stop - start - self._mark(giver, start, stop)
            if self._awaited is not None and self.written.reach(0) >= self._awaited:
                self._grown.notify_all()
            if self.is_whole:
                for claim in self._claims:
                    claim.stop = claim.at  # a whole answer of somebody else brought it
                self.changed.notify_all()

    def lose(self, count: int) -> None:
        """Bytes came that nobody wanted."""
        with self.changed:
            self.wasted += count

    def release(self, claim: Claim) -> None:
        """A worker is done with its claim, whether it is finished or not."""
        with self.changed:
            self._claims.remove(claim)
            if self.size is not None:
                claim.stop = min(claim.stop, self.size)
            for start, stop in self.written.gaps(claim.at, claim.stop):
                self._free.add(start, stop)
            self.changed.notify_all()

    def reopen(self, spans: Extents) -> None:
        """Throw written bytes away: they must come again."""
        with self.changed:
            for start, stop in spans:
                self.wasted += self.written.remove(start, stop)
                for given in self.given.values():
                    given.remove(start, stop)
                self._free.add(start, stop)
            for claim in self._claims:
                self._free.remove(claim.at, claim.stop)
            self.changed.notify_all()

    def missing(self, start: int, stop: int) -> list[tuple[int, int]]:
        """What of a range is not written."""
        with self.changed:
            return list(self.written.gaps(start, stop))

    def snapshot(self) -> dict[str, list[tuple[int, int]]]:
        """Who gave what, at this moment."""
        with self.changed:
            return {giver: list(spans) for giver, spans in self.given.items() if spans}

    def wait(self, seconds: float) -> None:
        """Until something changed, at most so long."""
        with self.changed:
            self.changed.wait(seconds)

    def await_prefix(self, stop: int, seconds: float) -> None:
        """Until all before `stop` is written, or somebody wakes; at most so long. For one thread.

        Whoever follows the writers need not look around for what may have come.
        """
        with self.changed:
            self._awaited = stop
            if self.written.reach(0) < stop:
                self._grown.wait(seconds)
            self._awaited = None

    def wake(self) -> None:
        """Let everybody who waits look around now."""
        with self.changed:
            self.changed.notify_all()
            self._grown.notify_all()

    def _mark(self, giver: str, start: int, stop: int) -> int:
        new = self.written.add(start, stop)
        for other in self.given.values():
            other.remove(start, stop)
        self.given.setdefault(giver, Extents()).add(start, stop)
        # What a whole-file answer brought needs not be fetched in ranges.
        self._free.remove(start, stop)
        return new

    def _next(self, rate: float | None, late: float) -> tuple[int, int] | None:
        span = self._free.first()
        if span is None:
            return None
        start, stop = span
        # Of several connections to one server most may be slow, and none shall hold much then.
        wanted, least = LEAST if self._claims else FIRST, LEAST
        if rate is not None:
            wanted = int(min(MOST, max(LEAST, rate * (SECONDS + LATES * late))))
            least = int(min(MOST, max(_LAST, rate * late * _LEAST_LATES)))
        # Towards the end smaller claims, so that all workers end together.
        if self.workers > 1:
            wanted = min(wanted, max(least, int(self._free.total * self._share(rate) / 2)))
        wanted = -(-wanted // _ALIGN) * _ALIGN
        end = stop if stop - start < wanted + LEAST // 4 else start + wanted
        self._free.remove(start, end)
        return start, end

    def _tried(
        self, trials: Trials, giver: str, span: tuple[int, int] | None
    ) -> tuple[int, int] | None:
        """What of a range a giver may be asked for that has proved nothing yet."""
        if span is None:
            return None
        start, stop = span
        limit = trials.limit(giver, start, stop)
        self._free.add(limit, stop)
        return (start, limit) if start < limit else None

    def _share(self, rate: float | None) -> float:
        """What a worker of so many bytes per second brings of all that comes, from 0 to 1."""
        now = self._clock()
        others = sum(claim.pace.rate(now) for claim in self._claims)
        if not rate or not others or len(self._claims) < self.workers - 1:
            return 1 / self.workers
        return rate / (rate + others)

    def _steal(self, rate: float | None, late: float) -> tuple[int, int] | None:
        if self.size is None:
            return None
        now = self._clock()
        lasting = [(self._seconds(claim, now), claim) for claim in self._claims if claim.left > 0]
        if not lasting:
            return None
        seconds, victim = max(lasting, key=lambda each: each[0])
        if seconds <= late:
            return None
        theirs = victim.pace.rate(now)
        mine = rate or max(claim.pace.rate(now) for _, claim in lasting) or 1.0
        # So much that both end at the same moment.
        more = (victim.left - theirs * late) * mine / (theirs + mine)
        if more < theirs * GAIN:
            return None
        if victim.is_silent:
            self._waited(victim, now)
        keep = int(victim.left - more) // _ALIGN * _ALIGN
        stop, victim.stop = victim.stop, victim.at + keep
        return victim.stop, stop

    def _seconds(self, claim: Claim, now: float) -> float:
        """How long a claim will last; 0 while that cannot be known."""
        least = self._silences.get(claim.giver, WORTH) if claim.is_silent else KNOWN
        if now - claim.began < least:
            return 0.0
        rate = claim.pace.rate(now)
        return claim.left / rate if rate > 0 else float("inf")

    def _waited(self, claim: Claim, now: float) -> None:
        """A claim was silent so long: its giver may take longer from now on.

        Also when the claim was taken for it, so that workers do not take from one another for
        ever what a slow giver would have answered.
        """
        longest = self._silences.get(claim.giver, WORTH)
        self._silences[claim.giver] = max(longest, _TIMES * (now - claim.began))
