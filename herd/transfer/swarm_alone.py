"""One fast mirror at work alone, where peers would only take the processor from it.

A byte that comes through libtorrent costs about twice the processor of one that HTTP writes by
itself. Where the line limits, nobody notices, and peers and mirrors add up. Where the processor
does, all of them together are slower than a fast mirror alone. So there the swarm lets go of the
file, and a mirror that has proved right fetches the rest. The swarm has it back when that is no
faster, when the mirror fails, or when one of the pieces that are looked at meanwhile is wrong: then
all of them are checked, and who gave a wrong one is out.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from dataclasses import dataclass, replace

from herd.progress import Stage
from herd.transfer import ledger
from herd.transfer.carrier import Carrier, Delivery, Wish
from herd.transfer.extents import Extents
from herd.transfer.mirrors import Standing
from herd.transfer.part import check
from herd.transfer.seam_feed import Feed
from herd.transfer.swarm_beside import Beside
from herd.transfer.swarm_check import is_right
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.torrent_contents import Metainfo

log = logging.getLogger(__name__)

BUSY = 0.75
"""Processors that herd itself has in use where they, and not the line, are what limits."""
SPAN = 0.1
"""Seconds over which that is seen."""
WORTH = 128 * 1024 * 1024
"""Bytes still to come that are worth the change."""
PART = 0.2
"""What mirrors must have given of what came: a slow one has no chance alone."""
_TICK = 0.02
_LOOK = 0.1
"""Seconds between two pieces that are looked at."""
_JUDGE = 0.5
"""Seconds over which the rate alone is taken, after as many to begin."""


@dataclass(frozen=True)
class Mark:
    """How far things are at a moment."""

    now: float
    """Seconds of a monotonic clock."""
    used: float
    """Seconds of processor that herd has taken."""
    came: int
    """Bytes from anybody."""
    given: int
    """Bytes from mirrors that have proved right."""


class Rule:
    """When a mirror should work alone; once at most. Pure: the clocks are given."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque()
        self._is_spent = False
        self.rate = 0.0
        """Bytes per second of all together, when it was decided."""

    def favours(self, mark: Mark, left: int) -> bool:
        """Whether the rest of the file, `left` bytes, should be one mirror's."""
        marks = self._marks
        marks.append(mark)
        while len(marks) > 2 and mark.now - marks[1].now >= SPAN:
            marks.popleft()
        first = marks[0]
        passed, came = mark.now - first.now, mark.came - first.came
        if self._is_spent or passed < SPAN or left < WORTH:
            return False
        is_busy = mark.used - first.used >= BUSY * passed
        if not is_busy or came <= 0 or mark.given - first.given < PART * came:
            return False
        self.rate, self._is_spent = came / passed, True
        return True


class Alone:
    """One mirror in the place of the swarm."""

    def __init__(self, wish: Wish, http: Carrier, folder: SwarmFolder, feed: Feed) -> None:
        self._wish = wish
        self._http = http
        self._folder = folder
        self._feed = feed
        self._rule = Rule()
        self._seen: set[int] = set()
        self.mirror: Standing | None = None
        """Who is to work alone now."""
        self.pieces: list[bool] = []
        """Which of all pieces of the torrent were there and right when the swarm was left."""

    def look(self, came: int, left: int) -> bool:
        """Whether a mirror should have the rest of the file; then it is `mirror`.

        Args:
            came: Bytes that came from anybody.
            left: Bytes that are missing.
        """
        seam = self._feed.seam
        good = [
            (seam.givers.share(one.key), one)
            for one in seam.mirrors.each
            if one.is_usable and one.source in self._wish.others and seam.trials.has_proved(one.key)
        ]
        if not good or self._wish.file.sha256 is None or self._wish.budget.tightest is not None:
            return False
        given = sum(size for size, _ in good)
        if self._rule.favours(Mark(time.monotonic(), time.process_time(), came, given), left):
            self.mirror = max(good, key=lambda each: each[0])[1]
        return self.mirror is not None

    def bring(self, metainfo: Metainfo, index: int) -> Delivery | None:
        """Fetch the rest from `mirror`, once nobody else writes; None: the swarm should go on.

        Args:
            metainfo: The torrent.
            index: Of the wanted entry, which has its pieces for itself.

        Raises:
            NoRoom, CannotWrite, Interrupted: what was fetched is kept.
        """
        one, self.mirror = self.mirror, None
        if one is None:
            return None
        given = self._given(metainfo, index)
        size = metainfo.entries[index].size
        log.info("%s brings the rest alone", one.host)
        self._folder.lend(size, given)
        wish = replace(self._wish, others=(one.source,))
        with Beside(wish, self._http, head_start=0.0) as beside:
            self._watch(beside, one, metainfo, index)
        beside.check()
        if beside.delivery is not None:
            there = Extents(span for spans in given.values() for span in spans)
            for start, stop in there.gaps(0, size):
                self._feed.seam.givers.gave(one.key, start, stop)
        return beside.delivery

    def _given(self, metainfo: Metainfo, index: int) -> dict[str, Extents]:
        """Who gave what of the right pieces; peers have no name."""
        entry, size = metainfo.entries[index], metainfo.piece_size
        there = Extents()
        for piece in range(-(-entry.size // size)):
            if self.pieces[entry.offset // size + piece]:
                there.add(piece * size, min((piece + 1) * size, entry.size))
        found = {"": there}
        for one in self._feed.seam.mirrors.each:
            theirs = Extents()
            for start, stop in self._feed.seam.givers.given(one.key):
                for low, high in list(there.within(start, stop)):
                    theirs.add(low, high)
                    there.remove(low, high)
            found[one.key] = theirs
        return found

    def _watch(self, beside: Beside, one: Standing, metainfo: Metainfo, index: int) -> None:
        """Until it has delivered, or should not go on."""
        begun = time.monotonic()
        judged, looked, done = begun + _JUDGE, begun, -1
        while beside.is_running:
            self._wish.stop.wait(_TICK)
            check(self._wish.stop)
            now, progress = time.monotonic(), self._wish.gauge.read()
            if now >= looked + _LOOK:
                looked = now
                if self._is_wrong(one, metainfo, index):
                    return
            if now >= judged:
                is_over = progress.stage is not Stage.FETCHING or progress.done == progress.total
                passed = now - judged + _JUDGE
                if done >= 0 and not is_over and progress.done - done < self._rule.rate * passed:
                    return
                done, judged = progress.done, now + _JUDGE

    def _is_wrong(self, one: Standing, metainfo: Metainfo, index: int) -> bool:
        """Whether one of the pieces that have come since is not what it should be."""
        note = ledger.load(self._wish.staged)
        entry, size = metainfo.entries[index], metainfo.piece_size
        fresh = [
            piece
            for start, stop in (note.given.get(one.key, ()) if note else ())
            for piece in range(
                -(-start // size), -(-stop // size) if stop == entry.size else stop // size
            )
            if piece not in self._seen
        ]
        if not fresh:
            return False
        self._seen.update(fresh)
        piece = random.choice(fresh)  # noqa: S311  # no secret
        return not is_right(self._wish.staged.part, metainfo, index, entry.offset // size + piece)
