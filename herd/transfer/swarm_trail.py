"""Hashes a swarm's file from its beginning while the rest of it still comes.

libtorrent calls a piece its own when its hash is right, which may be a moment before its
last block lies in the file. So the trail stays behind by many times what libtorrent lets wait to
be written (twice was too little for a busy disk), or by a second where little comes. Its word
counts only where a promised digest confirms it: otherwise the whole file is read once more.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from herd import late_hashing
from herd.child_python import Gone
from herd.errors import HerdError
from herd.hashing import Hasher
from herd.model import Sha256
from herd.pieces import Table, piece_size_of
from herd.transfer.part import writing
from herd.transfer.swarm_settings import MOST_QUEUED

log = logging.getLogger(__name__)

BEHIND = 8 * MOST_QUEUED
"""Bytes that must have come since, and"""
FEWEST_LOOKS = 4
"""so many looks; or"""
MOST_LOOKS = 20
"""so many looks, whatever came."""


@dataclass(frozen=True)
class _Reached:
    """What one look had."""

    prefix: int
    fetched: int


class SwarmTrail:
    """One pass over a file that grows; a context manager, whose thread ends with it."""

    def __init__(self, file: Path, size: int, known: Table | None = None) -> None:
        """Opens nothing yet.

        Args:
            file: Which grows.
            size: Bytes that it will have.
            known: Its pieces, where the torrent says them as herd does.
        """
        self._known = known
        self._file = file
        self._size = size
        self._piece = piece_size_of(size)
        self._hasher: Hasher | None = None
        self._digest = hashlib.sha256().digest()
        self._table = Table(size, self._piece, b"")
        self._recent: deque[_Reached] = deque(maxlen=MOST_LOOKS)
        self._changed = threading.Condition()
        self._allowed = 0
        self._is_ended = self._is_over = False
        self._thread = threading.Thread(target=self._run, name="herd-trail", daemon=True)
        self.at = 0
        """Bytes that are hashed."""
        self.trouble: HerdError | None = None
        """Why it cannot go on."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop, wherever it is."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()
            if self._hasher is not None:
                self._hasher.wake()
        self._thread.join()

    @property
    def is_whole(self) -> bool:
        """Whether all of the file is hashed."""
        return self.at >= self._size

    @property
    def is_done(self) -> bool:
        """Whether all of the file is hashed, or never will be."""
        return self.is_whole or self.trouble is not None

    def reach(self, prefix: int, fetched: int) -> None:
        """Take what a look has.

        Args:
            prefix: Bytes from the beginning that are right.
            fetched: Bytes of the file that came from anywhere, in all.
        """
        recent = self._recent
        if len(recent) == recent.maxlen:
            self._allow(recent[0].prefix)
        recent.append(_Reached(prefix, fetched))
        while len(recent) > FEWEST_LOOKS and recent[0].fetched + BEHIND <= fetched:
            self._allow(recent.popleft().prefix)

    def reach_all(self) -> None:
        """The whole file lies there, nobody writes to it any more."""
        self._allow(self._size)

    def await_end(self, seconds: float) -> bool:
        """Wait until it is done or will never be, at most so long; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self.is_done or self._is_over, seconds)

    def proof(self) -> tuple[Sha256, Table]:
        """The digest and the pieces; once it has hashed all of the file."""
        return Sha256(self._digest.hex()), self._table

    def _allow(self, prefix: int) -> None:
        with self._changed:
            self._allowed = max(self._allowed, prefix)
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            if self._wait():
                self._hash()
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _hash(self) -> None:
        try:
            with writing(self._file), self._hashing() as hasher:
                while self._wait():
                    length = self._whole(hasher.at_once)
                    if hasher.take(self.at, length) is None:
                        return  # shorter than it should be: the full pass will say so
                    if self.at + length == self._size:
                        while hasher.left():
                            pass  # whoever ends this wakes the hasher
                        self._digest, self._table = hasher.digest(), hasher.table()
                    with self._changed:
                        self.at += length
                        self._changed.notify_all()
        except Gone:
            if not self._is_ended:
                log.warning("the process that hashed is gone: all will be hashed at the end")
        except HerdError as error:
            self.trouble = error

    @contextmanager
    def _hashing(self) -> Iterator[Hasher]:
        file = os.open(self._file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            hasher = late_hashing.begin(file, self._size, self._known)
            with self._changed:
                self._hasher = hasher
            try:
                yield hasher
            finally:
                with self._changed:
                    self._hasher = None
                hasher.close()
        finally:
            os.close(file)

    def _whole(self, most: int) -> int:
        """Bytes that can be hashed next: whole pieces, but for the last of the file."""
        length = min(self._allowed - self.at, most)
        return length if self.at + length == self._size else length - length % self._piece

    def _wait(self) -> bool:
        """Until there is a piece to hash; False at the end."""
        with self._changed:
            while not self._is_ended and self.at < self._size:
                if self._whole(self._piece):
                    return True
                self._changed.wait()
            return False
