"""What came of one fetch from a swarm, over all its sessions: bytes, and hashes of pieces."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from herd.model import Source
from herd.transfer.budget import Budget
from herd.transfer.carrier import Share
from herd.transfer.pace import Pace
from herd.transfer.seam import Seam
from herd.transfer.seam_feed import Feed
from herd.transfer.swarm_session import Session
from herd.transfer.swarm_watch import Look, Phase

_UNTOLD = -1
"""No session was told yet how much may go out."""


class Tally:
    """Bytes that came, over all sessions."""

    def __init__(self) -> None:
        self.fetched = 0
        self.wasted = 0
        self.limit: int | None = None
        """Bytes per second that the session was told."""
        self._out_limit: int | None = _UNTOLD
        self._base = (0, 0)
        self._began_with: int | None = None
        self._done = 0
        self._pace = Pace(time.monotonic())
        self._given = 0
        self._given_pace = Pace(time.monotonic())

    @property
    def rate(self) -> float:
        """Bytes per second now."""
        return self._pace.rate(time.monotonic())

    def found(self, size: int) -> None:
        """So many bytes were there before this fetch began."""
        self._began_with = size if self._began_with is None else self._began_with

    def came_otherwise(self, size: int, wasted: int) -> None:
        """A mirror brought the rest of a file of so many bytes by itself, and more for nothing."""
        self._done, self.wasted = size, self.wasted + wasted

    def begin(self) -> None:
        """A fresh session counts from nothing, and was told nothing."""
        self._base = (self.fetched, self.wasted)
        self._given, self._out_limit, self.limit = 0, _UNTOLD, None

    def note(self, look: Look) -> int:
        """Bytes that came since the last look."""
        before = self.fetched
        self.fetched, self.wasted = self._base[0] + look.fetched, self._base[1] + look.wasted
        if look.phase in (Phase.FETCHING, Phase.WHOLE):
            self._done = look.done
        self._pace.add(self.fetched - before, time.monotonic())
        return self.fetched - before

    def hold_back(self, session: Session, moved: int, budget: Budget, seam: Seam | None) -> None:
        """Keep to the budget that all carriers share, of which so many bytes were taken now."""
        budget.spend(moved)
        if seam is not None and seam.pace.limit != budget.tightest:
            seam.pace.set(budget.tightest)  # not the share, which changes at each look
        if budget.tightest is not None or self.limit is not None:
            limit = budget.fair_share(self.rate)
            if limit != self.limit:
                self.limit = limit
                session.limit(limit)

    def give_no_more(self, session: Session, look: Look, budget: Budget | None) -> None:
        """Keep to the budget of what goes out, where there is one."""
        if budget is None:
            return
        now, given = time.monotonic(), look.given - self._given
        self._given = look.given
        self._given_pace.add(given, now)
        budget.spend(given)
        limit = budget.fair_share(self._given_pace.rate(now))
        if limit != self._out_limit:
            self._out_limit = limit
            session.limit_out(limit)

    def inherit(self, wrong: int) -> None:
        """What the mirrors brought before was wrong in so many bytes."""
        self._base = (self._base[0], self._base[1] + wrong)

    def for_nothing(self, feed: Feed | None) -> int:
        """Bytes that were wrong or there already; what the seam copied came from nobody."""
        return max(0, self.wasted - (feed.seam.once.copied if feed is not None else 0))

    def shares(self, swarm: Source, feed: Feed | None) -> tuple[Share, ...]:
        """Who gave what of the file."""
        mirrors = [] if feed is None else feed.seam.mirrors.each
        given = [(one.source, feed.seam.givers.share(one.key)) for one in mirrors if feed]
        new = self._done - (self._began_with or 0)
        from_peers = max(0, new - sum(size for _, size in given))
        each = [(swarm, from_peers), *given]
        return tuple(Share(source, size) for source, size in each if size)


@dataclass
class Hashes:
    """Asks now and then for piece hashes that came from peers, until they are complete.

    Without them a v2 magnet's pieces could not be checked after a stop, and all of
    them would be fetched again.
    """

    session: Session
    are_known: bool
    _wait: float = 0.5
    _next: float = field(default_factory=time.monotonic)

    def wanted(self) -> bytes | None:
        """A .torrent that may have them."""
        if self.are_known:
            return None
        if time.monotonic() >= self._next:
            self._next, self._wait = time.monotonic() + self._wait, min(30.0, self._wait * 2)
            self.session.want_hashes()
        return self.session.hashes()
