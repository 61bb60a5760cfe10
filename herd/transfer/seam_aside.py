"""Mirrors that give next to nothing beside fast peers are left alone, until those are slower.

libtorrent lets nobody else bring a piece that it asked a web seed for. So a slow one holds up the
order in which a fast swarm's file comes, with it the hashing, and in the end everybody. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from herd.transfer.pace import Pace

FAST = 64 * 1024 * 1024
"""Bytes per second of all together from which on it is looked for who is slow."""
LITTLE = 1 / 16
"""The part of it below which a mirror is."""
FAIR = 0.5
"""Seconds that it has to show more."""


class Aside:
    """Who is left alone, over one session."""

    def __init__(self) -> None:
        self.each: frozenset[int] = frozenset()
        """The numbers of the mirrors."""
        self._paces: dict[int, Pace] = {}
        self._begun: dict[int, float] = {}
        self._had: dict[int, int] = {}

    def look(self, given: Mapping[int, int], peers: int, rate: float, now: float) -> None:
        """Judge anew.

        Args:
            given: By mirror, bytes that it gave so far; of all that may be asked.
            peers: Members of the swarm that are connected.
            rate: Bytes per second that come from everybody.
            now: Seconds of a monotonic clock.
        """
        for at, had in given.items():
            pace = self._paces.setdefault(at, Pace(now))
            self._begun.setdefault(at, now)
            pace.add(max(0, had - self._had.get(at, had)), now)
            self._had[at] = had
        if self.each and rate < FAST / 2:
            self.each = frozenset()
            self._begun = dict.fromkeys(self._begun, now)
        elif peers and rate >= FAST:
            self.each |= {
                at
                for at in given
                if now - self._begun[at] >= FAIR and self._paces[at].rate(now) < LITTLE * rate
            }
