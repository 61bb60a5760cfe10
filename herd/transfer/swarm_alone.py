"""Mirrors at work alone after all, where a swarm got the file and would only hold them up.

Where the line limits, peers and mirrors add up. Where the processor does, all of them together
are slower than a fast mirror alone (`swarm_lead`): one that began slowly, or whose pieces could not
be proved until peers gave their hashes. So there the swarm lets go of the file, and the mirrors
that have proved right fetch the rest. The swarm has it back when that is no faster, when they fail,
or when one of the pieces that are looked at meanwhile is wrong: then all of them are checked, and
who gave a wrong one is out.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, replace

from herd.progress import Stage
from herd.transfer.board import Board
from herd.transfer.carrier import Carrier, Delivery, Wish
from herd.transfer.extents import Extents
from herd.transfer.mirrors import Standing
from herd.transfer.part import check
from herd.transfer.seam_feed import Feed
from herd.transfer.swarm_beside import Beside
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_judge import Judge
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
    """When mirrors should work alone; once at most. Pure: the clocks are given."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque()
        self._is_spent = False
        self.rate = 0.0
        """Bytes per second of all together, when it was decided."""

    def favours(self, mark: Mark, left: int) -> bool:
        """Whether the rest of the file, `left` bytes, should be the mirrors'."""
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
    """The mirrors that proved right in the place of the swarm."""

    def __init__(self, wish: Wish, http: Carrier, folder: SwarmFolder, feed: Feed) -> None:
        self._wish = wish
        self._http = http
        self._folder = folder
        self._feed = feed
        self._rule = Rule()
        self.mirrors: tuple[Standing, ...] = ()
        """Who is to work alone now, whoever gave most first."""
        self.pieces: list[bool] = []
        """Which of all pieces of the torrent were there and right when the swarm was left."""

    def look(self, came: int, left: int) -> bool:
        """Whether mirrors should have the rest of the file; then they are `mirrors`.

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
            good.sort(key=lambda each: each[0], reverse=True)
            self.mirrors = tuple(one for _, one in good)
        return bool(self.mirrors)

    def bring(self, metainfo: Metainfo, index: int) -> Delivery | None:
        """Fetch the rest from `mirrors`, once nobody else writes; None: the swarm should go on.

        Args:
            metainfo: The torrent.
            index: Of the wanted entry, which has its pieces for itself.

        Raises:
            NoRoom, CannotWrite, Interrupted: what was fetched is kept.
        """
        each, self.mirrors = self.mirrors, ()
        if not each:
            return None
        given, size = self._given(metainfo, index), metainfo.entries[index].size
        log.info("%s brings the rest alone", ", ".join(one.host for one in each))
        self._folder.lend(size, given)
        board = Board(size, trials=self._feed.seam.trials)
        sources = tuple(one.source for one in each)
        there = [span for spans in given.values() for span in spans]
        judge = Judge(self._wish.staged.part, board, self._feed.seam.trials, metainfo, index)
        judge.skip(there)
        with Beside(replace(self._wish, others=sources, board=board), self._http, 0.0) as beside:
            self._watch(beside, judge)
        beside.check()
        if beside.delivery is not None:
            for one in each:
                for start, stop in board.given.get(one.key, Extents()):
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

    def _watch(self, beside: Beside, judge: Judge) -> None:
        """Until they have delivered, or should not go on."""
        begun, done = time.monotonic(), -1
        judged = begun + _JUDGE
        while beside.is_running:
            beside.await_end(_TICK)
            check(self._wish.stop)
            now, progress = time.monotonic(), self._wish.gauge.read()
            if not judge.look():
                return
            if now >= judged:
                is_over = progress.stage is not Stage.FETCHING or progress.done == progress.total
                passed = now - judged + _JUDGE
                if done >= 0 and not is_over and progress.done - done < self._rule.rate * passed:
                    return
                done, judged = progress.done, now + _JUDGE
