"""How far a swarm's file is right from its beginning. Pure.

Every piece is looked at once, so that a look costs the same for a file of any size.
"""

from __future__ import annotations

from collections.abc import Iterable

from herd.transfer.torrent_contents import Entry


class Prefix:
    """The pieces of one file of a torrent that are there, as far as they follow one another."""

    def __init__(self, entry: Entry, piece_size: int) -> None:
        """Nothing is there yet.

        Args:
            entry: The file.
            piece_size: Bytes of a piece of the torrent.
        """
        self._entry = entry
        self._piece_size = piece_size
        self._at = entry.offset // piece_size
        self._waiting: set[int] = set()
        """Pieces behind the first gap."""

    def add(self, piece: int) -> None:
        """This piece of the torrent is there and right."""
        if piece < self._at:
            return
        self._waiting.add(piece)
        while self._at in self._waiting:
            self._waiting.remove(self._at)
            self._at += 1

    def add_all(self, pieces: Iterable[bool]) -> None:
        """Which of all pieces of the torrent are there."""
        for piece, is_there in enumerate(pieces):
            if is_there:
                self.add(piece)

    @property
    def size(self) -> int:
        """Bytes from the beginning of the file without a gap."""
        reached = self._at * self._piece_size - self._entry.offset
        return max(0, min(self._entry.size, reached))
