"""The digest of a file and the hashes of its pieces, taken while the file grows.

Both are SHA-256 over the same bytes: 1.2 seconds of a processor for each GiB. Large files are
hashed by another process (`herd.late_hashing`); this one hashes small ones, and each where
there is no other.
"""

from __future__ import annotations

import hashlib
import os
import threading
from queue import SimpleQueue
from typing import Protocol

from herd.pieces import Table, TableMaker, piece_size_of


class Hasher(Protocol):
    """Hashes one file in order; speak to it from one thread."""

    @property
    def at_once(self) -> int:
        """Bytes that are best taken at one request: whole pieces."""

    def take(self, at: int, length: int) -> list[bytes] | None:
        """Take the next bytes.

        Args:
            at: Where they begin, at a piece.
            length: Whole pieces, but for the last of the file.

        Returns:
            For each piece a mark of 32 bytes: the sha256 of the file up to the end of the piece.
            It says of a file that is hashed once more where it differs first, and costs nothing.
            None: the bytes are not there.

        Raises:
            Gone: the process is gone, and all that it had hashed.
            OSError: the file does not read.
        """

    def back(self) -> None:
        """The last bytes that were taken were none."""

    def restart(self) -> None:
        """Nothing is taken."""

    def digest(self) -> bytes:
        """The sha256 of all that was taken."""

    def left(self) -> int:
        """Once all of the file was taken: hash some more of its pieces; bytes that are left."""

    def table(self) -> Table:
        """The pieces, once none is left."""

    def wake(self) -> None:
        """From another thread: nobody is to wait for it now; nothing is asked after this."""

    def close(self) -> None:
        """End; nobody may be waiting."""


class Here:
    """Hashes in this process, in two threads."""

    def __init__(self, file: int, size: int, *, is_by_piece: bool = False) -> None:
        """Opens nothing.

        Args:
            file: A descriptor of the file.
            size: Bytes that it is going to have.
            is_by_piece: The mark of a piece is its hash, as a table says it.
        """
        self._file = file
        self._size = size
        self._is_by_piece = is_by_piece
        self._maker = TableMaker(size)
        self._piece = piece_size_of(size)
        self._wanted: SimpleQueue[memoryview | None] = SimpleQueue()
        self._found: SimpleQueue[list[bytes]] = SimpleQueue()
        # concurrent.futures would take as long to import as a child takes to start.
        threading.Thread(target=self._hash_pieces, name="herd-pieces", daemon=True).start()
        self._digest = self._before = hashlib.sha256()
        self._hashes: list[bytes] = []
        self._last = 0

    @property
    def at_once(self) -> int:
        """As Hasher.at_once: one piece, which lies in memory."""
        return self._piece

    def take(self, at: int, length: int) -> list[bytes] | None:
        """As Hasher.take."""
        content = bytearray(length)
        view, filled = memoryview(content), 0
        while filled < length:
            count = os.preadv(self._file, [view[filled:]], at + filled)
            if not count:
                return None
            filled += count
        # Two digests over the same bytes, side by side: neither holds the interpreter.
        self._wanted.put(view)
        self._before = self._digest.copy()
        marks = marked(self._digest, view, self._piece)
        hashes = self._found.get()
        self._hashes += hashes
        self._last = len(hashes)
        return hashes if self._is_by_piece else marks

    def back(self) -> None:
        """As Hasher.back."""
        self._digest = self._before
        del self._hashes[len(self._hashes) - self._last :]
        self._last = 0

    def restart(self) -> None:
        """As Hasher.restart."""
        self._digest = self._before = hashlib.sha256()
        self._hashes.clear()
        self._last = 0

    def digest(self) -> bytes:
        """As Hasher.digest."""
        return self._digest.digest()

    def left(self) -> int:
        """As Hasher.left: nothing."""
        return 0

    def table(self) -> Table:
        """As Hasher.table."""
        return Table(self._size, self._piece, b"".join(self._hashes))

    def wake(self) -> None:
        """As Hasher.wake; a piece is not waited for long."""

    def close(self) -> None:
        """As Hasher.close."""
        self._wanted.put(None)

    def _hash_pieces(self) -> None:
        while (view := self._wanted.get()) is not None:
            each = range(0, len(view), self._piece)
            hash_piece = self._maker.hash_piece
            self._found.put([hash_piece(view[at : at + self._piece]) for at in each])
            del view  # or its bytes could not be let go of


def marked(digest: hashlib._Hash, view: memoryview, piece: int) -> list[bytes]:
    """Take bytes into a digest; what it is after each piece of so many."""
    marks = []
    for at in range(0, len(view), piece):
        digest.update(view[at : at + piece])
        marks.append(digest.digest())
    return marks
