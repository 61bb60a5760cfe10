"""Keeps the ledger of a part while it grows: often for a kill, now and then for a power cut."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from herd.errors import HerdError
from herd.staging import Staged
from herd.transfer import ledger
from herd.transfer.board import Board
from herd.transfer.ledger import Note, Spans
from herd.transfer.sheet import Sheet

_SAVE_EVERY = 0.05
"""Seconds; at 400 MB/s a kill loses 20 MB, and what lay in buffers."""
_SAVE_AT = 24 * 1024 * 1024
"""Bytes after which whoever wrote them notes them itself, however late this thread is."""
_SYNC_EVERY = 2.0


class Keeper:
    """Notes what is written, from a thread of its own: the disk may take its time."""

    def __init__(
        self, staged: Staged, sheet: Sheet, board: Board, etags: Callable[[], Mapping[str, str]]
    ) -> None:
        self._staged = staged
        self._sheet = sheet
        self._board = board
        self._etags = etags
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._noted: Mapping[str, Spans] | None = None
        self._noted_done = board.done
        self._synced: Mapping[str, Spans] = {}
        self._saving = threading.Thread(target=self._save_often, name="herd-note", daemon=True)
        self._syncing = threading.Thread(target=self._sync_often, name="herd-sync", daemon=True)
        self.trouble: HerdError | None = None
        """Why nothing can be noted any more."""

    def start(self) -> None:
        """Begin; what lies there now was noted, and is not on the disk for certain."""
        self._saving.start()
        self._syncing.start()

    def end(self, *, is_kept: bool) -> None:
        """Stop; `is_kept` notes the last bytes, too."""
        self._ended.set()
        if self._saving.is_alive():
            self._saving.join()
        # A sync that is under way is not waited for: the person may want the prompt back.
        if is_kept:
            with self._lock:
                self._save(self._board.snapshot(), is_safe=False)

    def note(self) -> None:
        """Note what is written, if much of it is not noted yet.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        if abs(self._board.done - self._noted_done) >= _SAVE_AT:
            self._save_if_new()

    def _save_often(self) -> None:
        while not self._ended.wait(_SAVE_EVERY):
            self._attempt(self._save_if_new)

    def _sync_often(self) -> None:
        while not self._ended.wait(_SYNC_EVERY):
            self._attempt(self._sync)

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except HerdError as error:
            self.trouble = error
            self._ended.set()

    def _save_if_new(self) -> None:
        with self._lock:
            given = self._board.snapshot()
            if given != self._noted and not self._ended.is_set():
                self._save(given, is_safe=False)

    def _sync(self) -> None:
        given = self._board.snapshot()
        if given == self._synced:
            return
        self._sheet.sync()
        with self._lock:
            if not self._ended.is_set():
                self._synced = given
                self._save(self._board.snapshot(), is_safe=True)

    def _save(self, given: Mapping[str, Spans], *, is_safe: bool) -> None:
        if self._board.size is None:
            return
        note = Note(self._board.size, self._sheet.inode, given, self._etags())
        ledger.save(self._staged, note, self._synced, is_safe=is_safe)
        self._noted = given
        self._noted_done = sum(stop - start for spans in given.values() for start, stop in spans)
