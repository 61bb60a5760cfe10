"""Hashes a swarm's file from its beginning while the rest of it still comes.

libtorrent calls a piece its own when its hash is right, which may be a moment before its
last block lies in the file. So the trail stays behind by many times what libtorrent lets wait to
be written (twice was too little for a busy disk), or by a second where little comes. Its word
counts only where a promised digest confirms it: otherwise the whole file is read once more.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from herd.errors import HerdError
from herd.model import Sha256
from herd.pieces import Proof, Table
from herd.transfer.part import writing
from herd.transfer.swarm_settings import MOST_QUEUED

_PIECE = 1024 * 1024
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

    def __init__(self, file: Path, size: int) -> None:
        """Opens nothing yet.

        Args:
            file: Which grows.
            size: Bytes that it will have.
        """
        self._file = file
        self._size = size
        self._proof = Proof(size)
        self._recent: deque[_Reached] = deque(maxlen=MOST_LOOKS)
        self._changed = threading.Condition()
        self._allowed = 0
        self._is_ended = False
        self._thread = threading.Thread(target=self._run, name="herd-trail", daemon=True)
        self.at = 0
        """Bytes that are hashed."""
        self.trouble: HerdError | None = None
        """Why it cannot go on."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._is_ended = True
            self._changed.notify()
        self._thread.join()

    @property
    def is_running(self) -> bool:
        """Whether its thread still works."""
        return self._thread.is_alive()

    @property
    def is_done(self) -> bool:
        """Whether all of the file is hashed, or never will be."""
        return self.at >= self._size or self.trouble is not None

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

    def proof(self) -> tuple[Sha256, Table]:
        """The digest and the pieces; once, when it is done."""
        return self._proof.sha256, self._proof.table()

    def _allow(self, prefix: int) -> None:
        with self._changed:
            self._allowed = max(self._allowed, prefix)
            self._changed.notify()

    def _run(self) -> None:
        if not self._wait():
            return
        try:
            # Two hashes beside each other: what is left at the end takes half as long.
            with (
                writing(self._file),
                self._file.open("rb", buffering=0) as stream,
                ThreadPoolExecutor(1, "herd-trail") as pool,
            ):
                while self._wait():
                    piece = stream.read(min(_PIECE, self._allowed - self.at))
                    if not piece:
                        return  # shorter than it should be: the full pass will say so
                    self._proof.update_beside(piece, pool)
                    self.at += len(piece)
        except HerdError as error:
            self.trouble = error

    def _wait(self) -> bool:
        """Until there is something to hash; False at the end."""
        with self._changed:
            while self.at >= self._allowed and not self._is_ended and self.at < self._size:
                self._changed.wait()
            return not self._is_ended and self.at < self._size
