"""Proves pieces that mirrors bring by themselves, while more of them come.

Whoever proved nothing yet is judged first, and by every piece of its own that is whole. Then as
many pieces are proved as a small part of a processor can: all of them below some 130 MB/s, one of
six on a line that is faster than the processor. The digest of the whole file finds what is left.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from herd.transfer.board import Board
from herd.transfer.extents import Extents
from herd.transfer.swarm_check import is_right
from herd.transfer.torrent_contents import Metainfo
from herd.transfer.trials import Trials

_REST = 10.0
"""How many times as long as a piece takes to prove nobody proves another one."""


class Judge:
    """Looks at one file while mirrors write it."""

    def __init__(
        self, part: Path, board: Board, trials: Trials, metainfo: Metainfo, index: int
    ) -> None:
        """Looks at nothing yet.

        Args:
            part: The file.
            board: Where it is noted what is written.
            trials: Who proved right.
            metainfo: The torrent, with the hashes of its pieces.
            index: Of the entry that the file is, which has its pieces for itself.
        """
        self._part = part
        self._board = board
        self._trials = trials
        self._metainfo = metainfo
        self._index = index
        self._seen = Extents()
        """Bytes that need not be looked at any more."""
        self._next = 0.0

    def skip(self, spans: Sequence[tuple[int, int]]) -> None:
        """What was proved before."""
        for start, stop in spans:
            self._seen.add(start, stop)

    def look(self) -> bool:
        """Prove some of what came since the last look; whether that was right."""
        given = {key: Extents(spans) for key, spans in self._board.snapshot().items()}
        fresh = list(self._fresh(given))
        for key in given:
            if key and not self._trials.has_proved(key):
                theirs = (each for each in fresh if _has(given[key], *self._span(each)))
                if (piece := next(theirs, None)) is not None and not self._prove(piece, given):
                    return False
        if not fresh or time.monotonic() < self._next:
            return True
        is_sound = self._prove(random.choice(fresh), given)  # noqa: S311  # no secret
        self.skip([self._span(piece) for piece in fresh])
        return is_sound

    def _prove(self, piece: int, given: dict[str, Extents]) -> bool:
        begun, first = time.monotonic(), self._first
        is_sound = is_right(self._part, self._metainfo, self._index, first + piece)
        now = time.monotonic()
        self._next = now + _REST * (now - begun)
        givers = [key for key, spans in given.items() if key and _has(spans, *self._span(piece))]
        for key in givers:
            (self._trials.passed if is_sound else self._trials.failed)(key)
        if is_sound:
            self._board.wake()
        self.skip([self._span(piece)])
        return is_sound

    @property
    def _first(self) -> int:
        """The number of the file's first piece in the torrent."""
        return self._metainfo.entries[self._index].offset // self._metainfo.piece_size

    def _span(self, piece: int) -> tuple[int, int]:
        size = self._metainfo.piece_size
        return piece * size, min((piece + 1) * size, self._metainfo.entries[self._index].size)

    def _fresh(self, given: dict[str, Extents]) -> Iterator[int]:
        """Pieces that are whole and were not looked at."""
        size, end = self._metainfo.piece_size, self._metainfo.entries[self._index].size
        written = Extents(span for spans in given.values() for span in spans)
        for low, high in written:
            last = -(-high // size) if high == end else high // size
            whole = (-(-low // size) * size, self._span(last - 1)[1] if last else 0)
            for start, stop in self._seen.gaps(*whole) if whole[0] < whole[1] else ():
                yield from range(start // size, -(-stop // size))


def _has(spans: Extents, start: int, stop: int) -> bool:
    return any(spans.within(start, stop))
