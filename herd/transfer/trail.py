"""Hashes a file from its beginning while it still grows, so that little is left at the end.

It also makes the file's piece table, and compares each piece with what an earlier try
knew of it: a part that was damaged between two tries is found at the piece that was
damaged, and only that comes again.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

from herd.errors import HerdError
from herd.model import Sha256
from herd.pieces import Table, TableMaker, piece_size_of
from herd.transfer.board import Board
from herd.transfer.extents import Extents
from herd.transfer.ledger import Sums
from herd.transfer.sheet import Sheet

_TICK = 0.05


class Trail:
    """A thread behind the writers of one file."""

    def __init__(self, sheet: Sheet, board: Board, size: int, sums: Sums) -> None:
        """Begins with `start`; needs a board that knows the size."""
        self._sheet = sheet
        self._board = board
        self._size = size
        self._sums = sums
        self._piece = piece_size_of(size)
        self._maker = TableMaker(size)
        self._hash = hashlib.sha256()
        self._hashes: list[bytes] = []
        self._doubted: set[int] = set()
        self._ended = threading.Event()
        self._buffer = memoryview(bytearray(min(size, self._piece)))
        self._beside = ThreadPoolExecutor(1, "herd-pieces")
        self._thread = threading.Thread(target=self._run, name="herd-trail", daemon=True)
        self._is_rewound = False
        self.at = 0
        """Bytes hashed."""
        self.proven = 0
        """Bytes from the beginning that are those which an earlier try wrote."""
        self.damaged = 0
        """Pieces of an earlier try that were found damaged."""
        self.trouble: HerdError | None = None
        """Why the part does not read; nothing more is hashed."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Stop, wherever it is."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._beside.shutdown()

    @property
    def is_done(self) -> bool:
        """Whether the whole file is hashed."""
        return self._board.is_whole and self.at == self._size and not self._is_rewound

    def digest(self) -> Sha256:
        """Of the whole file, once it is done."""
        return Sha256(self._hash.hexdigest())

    def table(self) -> Table:
        """The pieces of the whole file, once it is done."""
        return Table(self._size, self._piece, b"".join(self._hashes))

    def rewind(self) -> None:
        """Bytes were thrown away, somewhere: hash from the beginning."""
        self._is_rewound = True

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                if self._is_rewound:
                    self._go_back()
                if not self._step():
                    self._board.wait(_TICK)
        except HerdError as error:
            self.trouble = error

    def _go_back(self) -> None:
        self.at, self._hash = 0, hashlib.sha256()
        self._hashes.clear()
        self._sums.drop()
        self._is_rewound = False

    def _step(self) -> bool:
        """Hash one piece; False when none is whole now."""
        length = min(self._piece, self._size - self.at)
        if length <= 0 or self._board.prefix() < self.at + length:
            return False
        view, filled = self._buffer[:length], 0
        while filled < length and (count := self._sheet.read(view[filled:], self.at + filled)):
            filled += count
        # Two digests over the same bytes, side by side: neither holds the interpreter.
        hashing = self._beside.submit(self._maker.hash_piece, view)
        before = self._hash.copy()
        self._hash.update(view)
        if filled < length or not self._is_sound(len(self._hashes), hashing.result()):
            self._hash = before
            self._board.reopen(Extents([(self.at, self.at + length)]))
            return False
        self._hashes.append(hashing.result())
        self.at += length
        if self.at == self._size:
            with self._board.changed:
                self._board.changed.notify_all()
        return True

    def _is_sound(self, index: int, found: bytes) -> bool:
        """Whether a piece is what it was when it was hashed first; asked once of each."""
        known = self._sums.get(index)
        if known is not None and known != found and index not in self._doubted:
            self._doubted.add(index)
            self.damaged += 1
            return False
        if known == found:
            self.proven = self.at + len(self._buffer)
        self._sums.put(index, found)
        return True
