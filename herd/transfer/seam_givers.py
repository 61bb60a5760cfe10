"""Who gave which bytes: a piece that proves wrong leads to its liar. Pure but for a lock."""

from __future__ import annotations

import threading
from collections import defaultdict

from herd.transfer.extents import Extents


class Givers:
    """What came from each mirror; written by many threads.

    A wrong piece comes again, perhaps before anybody hears that it was wrong. So it is not
    who gave a piece last that counts, but who was the first to give all of it; and only
    where nobody else had given a byte of it by then, because libtorrent asks several for
    the same bytes near the end and keeps those that come first.
    """

    def __init__(self) -> None:
        self._piece_size: int | None = None
        self._size = 0
        self._last: dict[str, Extents] = defaultdict(Extents)
        self._ever: dict[str, Extents] = defaultdict(Extents)
        self._alone: dict[int, str | None] = {}
        """By piece: who gave all of it first; None where others had given some."""
        self._lock = threading.Lock()

    def learn(self, size: int, piece_size: int) -> None:
        """The size of the file and of its pieces; before that nobody can be convicted."""
        with self._lock:
            self._size, self._piece_size = size, piece_size

    def gave(self, key: str, start: int, stop: int) -> None:
        """A mirror gave these bytes."""
        with self._lock:
            for spans in self._last.values():
                spans.remove(start, stop)
            self._last[key].add(start, stop)
            self._ever[key].add(start, stop)
            if self._piece_size is not None:
                for piece in range(start // self._piece_size, -(-stop // self._piece_size)):
                    self._note_whole(key, piece)

    def share(self, key: str) -> int:
        """Bytes that came from a mirror, and from no other one after it."""
        with self._lock:
            return self._last[key].total if key in self._last else 0

    def ever(self, key: str) -> int:
        """Bytes that a mirror gave, whoever gave them again."""
        with self._lock:
            return self._ever[key].total if key in self._ever else 0

    def of(self, piece: int) -> list[str]:
        """Those who gave bytes of a piece."""
        with self._lock:
            span = self._span(piece)
            return [key for key, spans in self._ever.items() if any(spans.within(*span))]

    def given(self, key: str) -> Extents:
        """The bytes that came from a mirror, and from no other one after it."""
        with self._lock:
            return self._last[key].copy() if key in self._last else Extents()

    def convict(self, piece: int) -> str | None:
        """Whoever alone gave a piece that proved wrong; nobody where several had a part in it."""
        with self._lock:
            liar = self._alone.pop(piece, None)
            start, stop = self._span(piece)
            for spans in self._ever.values():
                spans.remove(start, stop)
            return liar

    def forget(self, key: str) -> None:
        """What a liar gave is nobody's: most of it comes again."""
        with self._lock:
            self._last.pop(key, None)

    def _note_whole(self, key: str, piece: int) -> None:
        start, stop = self._span(piece)
        if piece not in self._alone and self._ever[key].reach(start) >= stop:
            others = (spans for other, spans in self._ever.items() if other != key)
            is_alone = not any(any(spans.within(start, stop)) for spans in others)
            self._alone[piece] = key if is_alone else None

    def _span(self, piece: int) -> tuple[int, int]:
        size = self._piece_size or 0
        return piece * size, min((piece + 1) * size, self._size)
