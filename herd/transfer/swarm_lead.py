"""HTTP goes ahead of a swarm, and stays ahead where peers would only hold it up.

A server that is near has sent a good part of a file before peers are found, and a byte that comes
through libtorrent costs about twice the processor of one that HTTP writes by itself. So mirrors
begin at once, each with one piece. As soon as the metadata says what the pieces should be and one
of them proved right, its mirror goes on at full strength, while the session finds peers:

    waiting   no metadata within HEAD_START     -> nobody is tried any more: all of them bring what
                                                   they can, and the digest judges
    trying    no piece proved within PROOF      -> the swarm has the file, the mirrors feed it
    going on  a wrong piece, a failure, a limit,
              or a line that limits, not the
              processor                         -> the same, and all that came is kept

Not where a file is small, or no digest was promised: there mirrors wait a little for the swarm,
bring what they can while there is no metadata, and feed it from then on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from herd.progress import Stage
from herd.transfer.board import Board
from herd.transfer.carrier import Carrier, Wish
from herd.transfer.part import check
from herd.transfer.swarm_beside import HEAD_START, Beside
from herd.transfer.swarm_judge import Judge
from herd.transfer.torrent_contents import Metainfo
from herd.transfer.trials import Trials

log = logging.getLogger(__name__)

WORTH = 128 * 1024 * 1024
"""Bytes of a file that are worth it."""
PROOF = 0.1
"""Seconds from the metadata on until a mirror must have proved right: whoever is slower has a line
that limits."""
SPAN = 0.1
"""Seconds over which it is seen what limits."""
BUSY = 0.4
"""Processors that herd has in use where HTTP is as fast as they let it be, and"""
FAST = 128 * 1024 * 1024
"""bytes per second that come then at least. With peers beside them they would do no better."""
_FIRST = 1024 * 1024
"""Bytes of a piece as long as nobody knows: few large files have smaller ones."""
_TICK = 0.02
_STRIKES = 2
"""Spans in a row in which the line limited, but for one that brought next to nothing."""


@dataclass(frozen=True)
class Mark:
    """How far things are at a moment."""

    now: float
    """Seconds of a monotonic clock."""
    used: float
    """Seconds of processor that herd has taken."""
    done: int
    """Bytes that are there."""

    def is_held_back(self, since: Mark) -> bool:
        """Whether the processor, and not the line, was what limited since then."""
        seconds = self.now - since.now
        is_busy = self.used - since.used >= BUSY * seconds
        return is_busy and self.done - since.done >= FAST * seconds

    def is_slow(self, since: Mark) -> bool:
        """Whether so little came since then that nothing but the line can be the reason."""
        return self.done - since.done < FAST / 4 * (self.now - since.now)


class Lead(Beside):
    """A fetch from the mirrors of a wish ahead of its swarm; a context manager that ends it."""

    def __init__(self, wish: Wish, http: Carrier, trials: Trials) -> None:
        """Begins nothing.

        Args:
            wish: Its other sources are the mirrors.
            http: Brings files from mirrors.
            trials: Which of them proved right.
        """
        self._trials = trials
        self._noted: Board | None = None
        """Where it is noted what comes, if they may stay ahead."""
        head_start = HEAD_START
        if may_stay(wish):
            trials.learn(_FIRST)
            head_start, self._noted = 0.0, Board(wish.file.size, trials=trials)
        super().__init__(replace(wish, board=self._noted), http, head_start)
        self._whole = wish
        self._opens_at = time.monotonic() + HEAD_START

    def wait(self) -> None:
        """There is no metadata yet."""
        if self._noted is not None and self._trials.are_on and time.monotonic() >= self._opens_at:
            self._trials.learn(None)
            self._noted.wake()

    def go_on(self, metainfo: Metainfo, hear: Callable[[], object]) -> None:
        """Stay ahead as long as that is quicker than the swarm, and end.

        Args:
            metainfo: The torrent, with the hashes of its pieces.
            hear: Lets the session say what it heard; it may be asked often.

        Raises:
            Interrupted: the person wants it to end.
            NoRoom, CannotWrite: the disk.
        """
        self._stay(metainfo, hear)
        self.__exit__()
        self.check()

    def _stay(self, metainfo: Metainfo, hear: Callable[[], object]) -> None:
        index = metainfo.entry_of(self._whole.file)
        is_known = metainfo.entries[index].has_hashes and metainfo.is_alone(index)
        if self._noted is None or not is_known:
            return
        self._trials.learn(metainfo.piece_size)
        judge = Judge(self._whole.staged.part, self._noted, self._trials, metainfo, index)
        is_right = judge.look()  # before whoever lies is asked for a piece of the new size
        self._noted.wake()
        end, mark, strikes = time.monotonic() + PROOF, self._mark(), 0
        while self.is_running:
            is_tried = not self._trials.is_anybody_free
            self.await_end(_TICK / 4 if is_tried else _TICK)
            check(self._whole.stop)
            hear()
            now = self._mark()
            if not (is_right and judge.look()):
                log.info("a mirror gave a wrong piece: the swarm has the file")
                return
            if is_tried:
                mark = now
            if is_tried and now.now >= end:
                log.info("no mirror gave a piece in time: the swarm has the file")
                return
            if self._is_whole or now.now < mark.now + SPAN:
                continue
            strikes = 0 if now.is_held_back(mark) else strikes + 1
            if strikes == _STRIKES or now.is_slow(mark) or self._whole.budget.tightest is not None:
                log.info("the line limits the mirrors: the swarm has the file")
                return
            mark = now

    def _mark(self) -> Mark:
        done = self._noted.done if self._noted is not None else 0
        return Mark(time.monotonic(), time.process_time(), done)

    @property
    def _is_whole(self) -> bool:
        """Whether nothing is to come any more, only to be hashed."""
        is_there = self._noted is not None and self._noted.is_whole
        return is_there or self._whole.gauge.read().stage is Stage.VERIFYING


def may_stay(wish: Wish) -> bool:
    """Whether mirrors could bring all of it without the swarm, and be worth it."""
    file = wish.file
    is_promised = file.sha256 is not None and (file.size or 0) >= WORTH
    return is_promised and wish.budget.tightest is None and not wish.only_parts
