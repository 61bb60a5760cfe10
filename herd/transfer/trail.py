"""Hashes a file from its beginning while it still grows, so that little is left at the end.

It compares each piece with what an earlier try knew of it: a part that was damaged between
two tries is found at the piece that was damaged, and only that comes again. A file under
repair has the hashes of its pieces for that, any other what its digest was after each piece.
"""

from __future__ import annotations

import logging
import threading

from herd import late_hashing
from herd.child_python import Gone
from herd.errors import HerdError
from herd.hashing import Hasher, Here
from herd.model import Sha256
from herd.pieces import Table, piece_size_of
from herd.staging import Staged
from herd.transfer.board import Board
from herd.transfer.extents import Extents
from herd.transfer.ledger import MARKS, Sums
from herd.transfer.part import writing
from herd.transfer.sheet import Sheet

log = logging.getLogger(__name__)

_TICK = 0.05


class Trail:
    """A thread behind the writers of one file."""

    def __init__(self, sheet: Sheet, board: Board, size: int, staged: Staged) -> None:
        """Begins with `start`; needs a board that knows the size."""
        sums = Sums(staged, size)
        self._is_by_piece = len(sums) > 0
        self._marks = sums if self._is_by_piece else Sums(staged, size, MARKS)
        self._sheet = sheet
        self._board = board
        self._size = size
        self._piece = piece_size_of(size)
        self._hasher: Hasher = (
            self._here() if self._is_by_piece else late_hashing.begin(sheet.file, size)
        )
        self._digest = b""
        self._doubted: set[int] = set()
        self._ended = threading.Event()
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
        self._hasher.wake()
        self._board.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._hasher.close()

    @property
    def is_done(self) -> bool:
        """Whether the whole file is hashed."""
        is_at_end = self._board.is_whole and self.at == self._size
        return is_at_end and self._digest != b"" and not self._is_rewound

    def digest(self) -> Sha256:
        """Of the whole file, once it is done."""
        return Sha256(self._digest.hex())

    def left(self) -> int | None:
        """Hash some more of the pieces, once it is done.

        Returns:
            Bytes whose pieces are not hashed yet. None: whoever hashed is gone.
        """
        try:
            return self._hasher.left()
        except Gone:
            return None

    def table(self) -> Table | None:
        """The pieces of the whole file, once it is done and none is left; None as `left`."""
        try:
            return self._hasher.table()
        except Gone:
            return None

    def rewind(self) -> None:
        """Bytes were thrown away, somewhere: hash from the beginning."""
        self._is_rewound = True

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    self._go()
                except Gone:
                    self._start_again()
        except HerdError as error:
            self.trouble = error
        except Exception as error:  # the top of a thread: all would wait for it for ever
            log.exception("hashing %s", self._sheet.path.name)
            self.trouble = HerdError(f"Hashing failed: {error}.", "herd.log has the details.")

    def _go(self) -> None:
        """Hash what is whole, or wait for more.

        Raises:
            Gone: whoever hashed is gone.
        """
        if self._is_rewound:
            self._marks.drop()
            self._hasher.restart()
            self.at, self._digest, self._is_rewound = 0, b"", False
        if self._size == 0 and not self._digest:
            self._end_well()
        if self._step():
            return
        if self.at < self._size:
            self._board.await_prefix(min(self.at + self._piece, self._size), _TICK)
        else:
            self._board.wait(_TICK)

    def _start_again(self) -> None:
        """The process that hashed is gone: from the beginning, in this one."""
        if self._ended.is_set():
            return
        log.warning("the process that hashed is gone; going on without it")
        self._hasher.close()
        self._hasher = self._here()
        self.at, self._digest = 0, b""

    def _here(self) -> Hasher:
        return Here(self._sheet.file, self._size, is_by_piece=self._is_by_piece)

    def _step(self) -> bool:
        """Hash the pieces that are whole, or some of them; False when none is now."""
        length = min(self._board.prefix() - self.at, self._hasher.at_once)
        if self.at + length < self._size:
            length -= length % self._piece
        if length <= 0:
            return False
        with writing(self._sheet.path):
            found = self._hasher.take(self.at, length)
        if found is None:
            self._board.reopen(Extents([(self.at, self.at + length)]))
            return False
        first = self.at // self._piece
        for index, each in enumerate(found, first):
            start = index * self._piece
            stop = min(start + self._piece, self._size)
            if not self._is_sound(index, stop, each):
                self._hasher.back()
                self._board.reopen(Extents([(start, stop)]))
                return index > first  # those before it once more, without it
        self._marks.put(first, b"".join(found))
        if self.at + length == self._size:
            self._end_well()
        self.at += length
        if self.at == self._size:
            with self._board.changed:
                self._board.changed.notify_all()
        return True

    def _end_well(self) -> None:
        self._digest = self._hasher.digest()

    def _is_sound(self, index: int, stop: int, found: bytes) -> bool:
        """Whether a piece is what it was when it was hashed first; asked once of each."""
        known = self._marks.get(index)
        if known is not None and known != found and index not in self._doubted:
            self._doubted.add(index)
            self.damaged += 1
            return False
        if known == found:
            self.proven = stop
        elif known is not None and not self._is_by_piece:
            self._marks.drop(index)  # each one after it stands for these other bytes, too
        return True
