"""Keeps the ledger of a part while it grows: at once for a kill, now and then for a power cut."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from herd.errors import HerdError
from herd.staging import Staged
from herd.transfer import journal, ledger
from herd.transfer.board import Board
from herd.transfer.journal import Journal
from herd.transfer.ledger import Note, Run, Spans
from herd.transfer.sheet import Sheet

_SYNC_EVERY = 2.0
_HAND_OVER_EVERY = 0.1
_HAND_OVER_AT = 16 * 1024 * 1024
"""Bytes that are handed to the disk together, long before anybody waits for them there."""


class Keeper:
    """Notes what is written: in the journal by whoever wrote, in the ledger from a thread.

    Two locks: whoever replaces the ledger waits for the disk now and then, and no writer
    shall wait for that.
    """

    def __init__(
        self,
        staged: Staged,
        sheet: Sheet,
        board: Board,
        givers: Sequence[str],
        etags: Callable[[], Mapping[str, str]],
    ) -> None:
        self._staged = staged
        self._sheet = sheet
        self._board = board
        self._givers = tuple(givers)
        self._etags = etags
        self._journal = Journal(staged.beside(ledger.LOG), self._givers)
        self._writing = threading.Lock()
        self._saving = threading.Lock()
        self._ended = threading.Event()
        self._run = ""
        self._synced: Mapping[str, Spans] = {}
        self._thread = threading.Thread(target=self._sync_often, name="herd-sync", daemon=True)
        self.trouble: HerdError | None = None
        """Why nothing can be noted any more."""

    def start(self) -> None:
        """Begin; what lies there now was noted, and is not on the disk for certain."""
        self._thread.start()

    def end(self, *, is_kept: bool) -> None:
        """Stop; `is_kept` notes the last bytes, too.

        Raises:
            NoRoom, CannotWrite: the disk; what was noted before still holds.
        """
        self._ended.set()
        # A sync that is under way is not waited for: the person may want the prompt back.
        with self._saving, self._writing:
            is_noted = False
            try:
                if is_kept:
                    self._save("")
                is_noted = True
            finally:
                self._journal.close(is_noted=is_noted)

    def wrote(self, giver: str, start: int, stop: int) -> None:
        """Note bytes that were written a moment ago, and that the board has.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        if not self._run:
            self.restart(only_first=True)
        with self._writing:
            self._journal.add(giver, start, stop)

    def restart(self, *, only_first: bool = False) -> None:
        """Note all anew: bytes that were written are to come again.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        with self._saving, self._writing:
            if self._ended.is_set() or (only_first and self._run):
                return
            run = os.urandom(4).hex()
            self._save(run)
            self._journal.begin(run)
            self._run = run

    def _sync_often(self) -> None:
        synced_at, handed_over = time.monotonic(), self._board.done
        while not self._ended.wait(_HAND_OVER_EVERY):
            if time.monotonic() - synced_at < _SYNC_EVERY:
                if abs(self._board.done - handed_over) >= _HAND_OVER_AT:
                    handed_over = self._board.done
                    self._sheet.begin_to_sync()
                continue
            synced_at = time.monotonic()
            try:
                self._sync()
                if self._journal.size > journal.FULL:
                    self.restart()
            except HerdError as error:
                self.trouble = error
                self._ended.set()

    def _sync(self) -> None:
        given = self._board.snapshot()
        if given == self._synced:
            return
        self._sheet.sync()
        with self._saving:
            if self._run and not self._ended.is_set():
                self._synced = given
                self._save(self._run, is_safe=True)

    def _save(self, run: str, *, is_safe: bool = False) -> None:
        if self._board.size is None:
            return
        given = self._board.snapshot()
        note = Note(self._board.size, self._sheet.inode, given, self._etags())
        ledger.save(self._staged, note, Run(run, self._givers), self._synced, is_safe=is_safe)
