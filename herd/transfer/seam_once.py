"""A block that is on its way already is not asked for once more, but copied as it passes.

When libtorrent has asked for all that is missing it asks whoever is idle for blocks that it has
asked others for (its end game), one after the other, as fast as they are answered. Mirrors would
send those twice, even a single one: 1 to 2 MB of a file, in a hundred requests. So an answer that
brings them within a moment gives a copy to whoever waits for it. Pure but for a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from herd.transfer.pace import Pace

SOON = 2.0
"""Seconds within which a block must come by another answer to be waited for."""
MOST = 256 * 1024
"""Bytes of the largest copy: in its end game libtorrent asks for blocks of 16 KiB."""
KNOWN = 0.5
"""Seconds from which on it is known how fast an answer comes."""
_TICK = 0.05


@dataclass(eq=False)
class Copy:
    """A block that somebody waits for."""

    start: int
    stop: int
    came: bytearray = field(default_factory=bytearray)


@dataclass(eq=False)
class Stream:
    """An answer under way; made by Once."""

    at: int
    """The next byte."""
    stop: int
    began: float
    pace: Pace
    is_proved: bool
    """Whether its mirror has proved right: nobody is to be blamed for another one's lies."""
    copies: list[Copy] = field(default_factory=list)


class Once:
    """All answers of one file under way; used by many threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """None yet."""
        self.copied = 0
        """Bytes that were not asked for once more."""
        self._clock = clock
        self._streams: list[Stream] = []
        self._changed = threading.Condition()

    def begin(self, start: int, stop: int, *, is_proved: bool) -> Stream:
        """An answer will bring these bytes, one after the other, of a mirror that proved right."""
        with self._changed:
            now = self._clock()
            self._streams.append(Stream(start, stop, now, Pace(now), is_proved))
            return self._streams[-1]

    def gave(self, stream: Stream, piece: bytes | memoryview) -> None:
        """Its next bytes came."""
        with self._changed:
            for copy in stream.copies:
                # Each began before the stream had come to it.
                low, high = max(copy.start, stream.at), min(copy.stop, stream.at + len(piece))
                if low < high:
                    copy.came += piece[low - stream.at : high - stream.at]
            stream.at += len(piece)
            stream.pace.add(len(piece), self._clock())
            if stream.copies:
                self._changed.notify_all()

    def end(self, stream: Stream) -> None:
        """Nothing more comes of it."""
        with self._changed:
            self._streams.remove(stream)
            self._changed.notify_all()

    def copy(self, start: int, stop: int, is_over: Callable[[], bool]) -> bytes | None:
        """What another answer brings of these bytes; None: nobody does soon.

        Args:
            start: The first byte.
            stop: One past the last one.
            is_over: Whether nobody waits for it any more; asked now and then.
        """
        if stop - start > MOST:
            return None
        wanted = Copy(start, stop)
        with self._changed:
            found = [each for each in self._streams if self._is_soon(each, wanted)]
            if not found:
                return None
            stream = found[0]
            stream.copies.append(wanted)
            while len(wanted.came) < stop - start and stream in self._streams:
                if not self._is_soon(stream, wanted) or is_over():
                    break
                self._changed.wait(_TICK)
            stream.copies.remove(wanted)
            if len(wanted.came) < stop - start:
                return None
            self.copied += stop - start
            return bytes(wanted.came)

    def _is_soon(self, stream: Stream, wanted: Copy) -> bool:
        is_ahead = wanted.stop <= stream.stop and stream.at <= wanted.start + len(wanted.came)
        if not is_ahead or not stream.is_proved:
            return False
        now = self._clock()
        if now - stream.began < KNOWN:
            return True
        return wanted.stop - stream.at <= SOON * stream.pace.rate(now)
