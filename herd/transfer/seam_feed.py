"""Which mouths of which mirrors a swarm is fed by, and which mirrors lied.

Every mirror begins with one mouth, and with one piece (`trials`). One whose pieces proved right
gets more while the line is not full: over a long way that loses packets one connection is slow, and
eight are eight times as fast. One that gives little beside fast peers has none (`seam_aside`). A
mirror that gave a whole wrong piece is out, with all its mouths.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from herd.errors import SourceRefused
from herd.model import Source
from herd.transfer.extents import Extents
from herd.transfer.mirrors import Standing
from herd.transfer.seam import Mouth, Seam
from herd.transfer.seam_aside import Aside
from herd.transfer.swarm_watch import Reports
from herd.transfer.torrent_contents import Metainfo

log = logging.getLogger(__name__)

MOST = 8
"""Mouths of all mirrors together."""
ENOUGH = 160 * 1024 * 1024
"""Bytes per second at which another connection would only take the processor from the others."""
_GUILTY = 2
"""Points of suspicion that a mirror is a liar at: a ban or a wrong piece has one."""
_EVERY = 0.5
"""Seconds between two new mouths."""
_PROVED = 2
"""Pieces that a mirror gave before it is trusted with more than one mouth."""


class Fed(Protocol):
    """A session that takes web seeds."""

    reports: Reports

    def feed(self, url: str) -> None:
        """Offer a web seed."""
        ...

    def wean(self, url: str) -> None:
        """Take a web seed away."""
        ...

    def fed(self) -> frozenset[str]:
        """The web seeds that it has not banned."""
        ...


class Feed:
    """The mouths of one file's mirrors, over all sessions that it takes."""

    def __init__(self, seam: Seam, metainfo: Metainfo, index: int) -> None:
        self.seam = seam
        self.liars: list[Standing] = []
        """Mirrors that gave wrong bytes."""
        self._metainfo = metainfo
        self._index = index
        seam.givers.learn(seam.size, metainfo.piece_size)
        seam.trials.learn(metainfo.piece_size)
        self._mouths: dict[str, Mouth] = {}
        self._opened: Counter[int] = Counter()
        self._suspicion: Counter[int] = Counter()
        self._accused: set[str] = set()
        """Mirrors that gave some of a wrong piece of which no other mirror gave any."""
        self._next = 0.0
        self._aside = Aside()

    def begin(self) -> tuple[str, ...]:
        """The web seeds of a fresh session: one mouth for each mirror that may be asked."""
        self._mouths, self._aside = {}, Aside()
        for at, one in enumerate(self.seam.mirrors.each):
            if one.is_usable:
                self._open(at)
        return tuple(self._mouths)

    @property
    def at_work(self) -> int:
        """Mirrors that answered and are asked."""
        good = [one.is_usable and one.is_known for one in self.seam.mirrors.each]
        return sum(is_good and at not in self._aside.each for at, is_good in enumerate(good))

    def has_aside(self, named: Sequence[Source] | None) -> bool:
        """Whether all that is left is a mirror of the whole file alone: of those, or any."""
        each = self.seam.mirrors.each
        waiting = [one for one in each if one.is_single and (named is None or one.source in named)]
        return bool(waiting) and not any(one.is_usable for one in each)

    def brought(self, given: Mapping[str, Extents], pieces: Sequence[bool]) -> int:
        """Bytes of right pieces that the mirrors wrote before they fed the swarm; as `inherit`."""
        entry, size = self._metainfo.entries[self._index], self._metainfo.piece_size
        first = entry.offset // size
        right = [each for each, is_right in enumerate(pieces[first:]) if is_right]
        spans = [(at * size, min((at + 1) * size, entry.size)) for at in right]
        mirrors = [given.get(one.key, Extents()) for one in self.seam.mirrors.each]
        within = (part for each in mirrors for span in spans for part in each.within(*span))
        return sum(stop - start for start, stop in within)

    def inherit(self, given: Mapping[str, Extents], pieces: Sequence[bool]) -> int:
        """Judge what the mirrors brought before they fed the swarm; bytes that were wrong.

        Args:
            given: The bytes that each mirror wrote, by its address; nobody else wrote any.
            pieces: Which of all pieces were found to be right.
        """
        entry, size = self._metainfo.entries[self._index], self._metainfo.piece_size
        first, wrong = entry.offset // size, 0
        for piece in range(-(-entry.size // size)):
            start, stop = piece * size, min((piece + 1) * size, entry.size)
            is_right = first + piece < len(pieces) and pieces[first + piece]
            for at, one in enumerate(self.seam.mirrors.each):
                spans = list(given.get(one.key, Extents()).within(start, stop))
                if is_right:
                    for low, high in spans:
                        self.seam.givers.gave(one.key, low, high)
                        self.seam.trials.passed(one.key)
                elif spans == [(start, stop)]:
                    wrong += stop - start
                    self._suspect(at, _GUILTY)
        return wrong

    def look(self, session: Fed, peers: int, rate: float, now: float) -> None:
        """Take out who lied or is out, and open another mouth where that is of use.

        Args:
            session: Which is fed.
            peers: Members of the swarm that are connected, mouths not among them.
            rate: Bytes per second that come now.
            now: Seconds of a monotonic clock.
        """
        failed, session.reports.failed = session.reports.failed, []
        right, session.reports.right = session.reports.right, []
        first = self._metainfo.entries[self._index].offset // self._metainfo.piece_size
        for piece in right:
            for key in self.seam.givers.of(piece - first):
                self.seam.trials.passed(key)
        for piece in failed:
            self._accuse(self.seam.givers.of(piece - first))
            liar = self.seam.givers.convict(piece - first)
            for at, one in enumerate(self.seam.mirrors.each):
                if one.key == liar:
                    # A peer may have given a block of it, too, which nobody here can see.
                    self._suspect(at, _GUILTY if peers == 0 else 1)
        left = session.fed()
        for url, mouth in list(self._mouths.items()):
            one = self.seam.mirrors.each[mouth.mirror]
            if url not in left:
                self._ban(mouth, session)
            if not one.is_usable or self._count(mouth.mirror) > max(1, one.allowed):
                self._close(url, session)
        self._leave_slow_ones(session, peers, rate, now)
        more = self._another() if rate < ENOUGH and now >= self._next else None
        if more is not None:
            self._next = now + _EVERY
            session.feed(self._open(more))

    def _accuse(self, givers: Sequence[str]) -> None:
        """A piece was wrong to which these mirrors gave bytes.

        What a liar had under way when it was found is ended by others, who are not to blame.
        """
        if any(one.key in givers for one in self.liars):
            return
        for key in givers:
            self.seam.trials.failed(key)
        if len(givers) == 1:
            self._accused.update(givers)

    def _leave_slow_ones(self, session: Fed, peers: int, rate: float, now: float) -> None:
        mirrors, before = self.seam.mirrors.each, self._aside.each
        given = {at: self.seam.givers.ever(one.key) for at, one in enumerate(mirrors)}
        usable = {at: size for at, size in given.items() if mirrors[at].is_usable}
        self._aside.look(usable, peers, rate, now)
        for url, mouth in list(self._mouths.items()):
            if mouth.mirror in self._aside.each:
                self._close(url, session)
        for at in before - self._aside.each:
            if mirrors[at].is_usable:
                session.feed(self._open(at))
        for at in self._aside.each - before:
            log.info("%s gives too little beside the peers", mirrors[at].host)

    def _close(self, url: str, session: Fed) -> None:
        self._mouths.pop(url, None)
        session.wean(url)

    def _ban(self, mouth: Mouth, session: Fed) -> None:
        """Libtorrent let go of a mouth, by a ban where a piece was wrong.

        Where several gave a wrong piece, peers among them, a ban may hit the innocent.
        """
        self._mouths = {url: each for url, each in self._mouths.items() if each != mouth}
        one = self.seam.mirrors.each[mouth.mirror]
        if one.key in self._accused and not session.reports.banned:
            self._suspect(mouth.mirror, 1)
        log.info("libtorrent let go of %s", one.host)
        if one.is_usable and not self._count(mouth.mirror):
            session.feed(self._open(mouth.mirror))

    def _suspect(self, mirror: int, points: int) -> None:
        self._suspicion[mirror] += points
        if self._suspicion[mirror] >= _GUILTY:
            self._lied(self.seam.mirrors.each[mirror])
            # Whoever shared pieces with a liar was suspected for its sake.
            self._suspicion.clear()
            self._accused.clear()

    def _lied(self, one: Standing) -> None:
        if one in self.liars:
            return
        self.liars.append(one)
        self.seam.givers.forget(one.key)
        log.warning("%s gave wrong bytes and is left out", one.host)
        self.seam.mirrors.put_out(one, SourceRefused(f"{one.host} gave wrong bytes"))

    def _another(self) -> int | None:
        """The mirror that should get a mouth more: it has proved itself and has the fewest."""
        if len(self._mouths) >= MOST:
            return None
        enough = min(_PROVED * self._metainfo.piece_size, self.seam.size // 2)
        proved = [
            (self._count(at), at)
            for at, one in enumerate(self.seam.mirrors.each)
            if one.is_usable
            and at not in self._aside.each
            and self.seam.trials.has_proved(one.key)
            and self.seam.givers.share(one.key) >= enough
        ]
        places = [each for each in proved if each[0] < self.seam.mirrors.each[each[1]].allowed]
        return min(places)[1] if places else None

    def _count(self, mirror: int) -> int:
        return sum(mouth.mirror == mirror for mouth in self._mouths.values())

    def _open(self, mirror: int) -> str:
        mouth = Mouth(mirror, self._opened[mirror])
        self._opened[mirror] += 1
        url = self.seam.url(mouth, is_folder=self._metainfo.is_folder)
        self._mouths[url] = mouth
        return url
