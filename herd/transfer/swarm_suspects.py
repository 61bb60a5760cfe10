"""Who of the banned lies, and who was banned for another's lie. Pure.

libtorrent bans whoever had a part in several wrong pieces: with few peers the honest ones, too,
and then nobody is left. A fresh session with all of them may end alike. So in each one that
follows only one of the banned may come: whoever is banned again, with nobody to share a piece
with, lies and stays away. When all were tried they may all come once more: many may be behind
one address.
"""

from __future__ import annotations

from collections.abc import Iterable

_FEW = 4


class Suspects:
    """Addresses of peers, over all sessions of one fetch."""

    def __init__(self) -> None:
        self._banned: list[str] = []
        self._liars: set[str] = set()
        self.on_trial: str | None = None
        """The one of them that may come."""

    def note(self, banned: Iterable[str], seen: Iterable[tuple[str, int]] = ()) -> None:
        """A session came to nothing.

        Args:
            banned: In it.
            seen: The addresses of those who took part. Where nobody was banned, and they are few,
                each may be the liar: a file of one piece has blocks of all of them.
        """
        found, tried = frozenset(banned), self.on_trial
        if not found and tried is None and len(few := frozenset(host for host, _ in seen)) <= _FEW:
            found = few
        self._banned += sorted(found.difference(self._banned))
        if tried is not None and tried in found:
            self._liars.add(tried)
        elif tried is not None:  # it may be gone
            self._banned.remove(tried)
            self._banned.append(tried)
        left = [host for host in self._banned if host not in self._liars]
        self.on_trial = left[0] if left else None
        if not left:
            self._liars.clear()

    @property
    def closed(self) -> tuple[str, ...]:
        """Who may not come to the next session."""
        if self.on_trial is None:
            return ()
        return tuple(host for host in self._banned if host != self.on_trial)
