"""The private folder of a swarm beside the part, and the file that comes out of it.

Nothing in the folder is believed: every fetch begins with a check against the piece
hashes. What another carrier left in the part moves in, so that its good pieces count.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path

from herd.model import Sha256
from herd.pieces import Proof, Table
from herd.transfer import ledger
from herd.transfer.carrier import Staged
from herd.transfer.extents import Extents
from herd.transfer.ledger import Note, Run
from herd.transfer.part import check, require_room, writing

FILE = "model"
"""The name of the wanted file inside; a torrent's own names are never used."""
_PIECE = 256 * 1024


class SwarmFolder:
    """Where the pieces of one file lie until it is whole."""

    def __init__(self, staged: Staged) -> None:
        self._staged = staged
        self.path = staged.beside(".torrent.d")
        self._metainfo = staged.beside(".torrent")
        self._is_part_inside = False
        self.given: dict[str, Extents] = {}
        """Who wrote what of the part that moved in, by address."""

    @property
    def file(self) -> Path:
        """The wanted file, whole or not."""
        return self.path / FILE

    @property
    def brought(self) -> int:
        """Bytes of that part."""
        return sum(each.total for each in self.given.values())

    def open(self, size: int) -> Extents | None:
        """Make the folder ready for a file of that size.

        Returns:
            All that HTTP wrote of it, where its part moved in just now and that is known.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        came = None
        with writing(self.file):
            self.path.mkdir(parents=True, exist_ok=True)
        is_begun = self.file.exists()
        source = self.file if is_begun else self._staged.part
        require_room(self.path, size - _allocated(source))
        if not is_begun and source.exists():
            with writing(self.file):
                source.replace(self.file)
            self._is_part_inside = True
            if (came := self._came()) is not None:
                size = min(size, max((stop for _, stop in came), default=0))
        with writing(self.file):
            # libtorrent looks at its pieces alone and would leave a longer tail.
            if self.file.exists() and self.file.stat().st_size > size:
                os.truncate(self.file, size)
        return came

    def written(self) -> int:
        """Bytes of the file that have a place on the disk; it may have holes."""
        return _allocated(self.file)

    def _came(self) -> Extents | None:
        """What HTTP wrote: it takes the room for all of the file at once."""
        note = ledger.load(self._staged)
        if note is None or note.inode != self.file.stat().st_ino:
            return None
        self.given = {url: Extents(spans) for url, spans in note.given.items()}
        return Extents(chain(*note.given.values()))

    def give_back(self) -> None:
        """Undo `open` where nothing was added since: the part is another carrier's again."""
        if self._is_part_inside:
            with writing(self.file):
                self.file.replace(self._staged.part)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()

    def lend(self, size: int, given: Mapping[str, Extents]) -> None:
        """Make of it a part that HTTP has begun, which `open` takes back.

        Args:
            size: Bytes of the whole file.
            given: Who gave what of it; nothing else of it counts.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        ledger.forget(self._staged)
        with writing(self._staged.part):
            self.file.replace(self._staged.part)
            inode = self._staged.part.stat().st_ino
        spans = {giver: list(each) for giver, each in given.items()}
        ledger.save(self._staged, Note(size, inode, spans), Run(), {})

    def clear(self) -> None:
        """Remove everything but the part.

        Raises:
            CannotWrite: the disk.
        """
        with writing(self._staged.part):
            if self.path.exists():
                shutil.rmtree(self.path)
            self._metainfo.unlink(missing_ok=True)

    def proof(self, stop: threading.Event, advance: Callable[[int], None]) -> tuple[Sha256, Table]:
        """The digest of the file as it lies there, and its pieces.

        Raises:
            Interrupted: `stop` was set; everything is kept.
            CannotWrite: the file does not read.
        """
        with writing(self.file), self.file.open("rb", buffering=0) as stream:
            proof = Proof(self.file.stat().st_size)
            while piece := stream.read(_PIECE):
                check(stop)
                proof.update(piece)
                advance(len(piece))
        return proof.sha256, proof.table()

    def deliver(self) -> int:
        """Move the file to the part and remove everything else; its size in bytes.

        Raises:
            CannotWrite: the disk.
        """
        with writing(self._staged.part):
            self.file.replace(self._staged.part)
            self.clear()
            return self._staged.part.stat().st_size

    def save_metainfo(self, raw: bytes) -> None:
        """Keep the metadata, so that the next try need not ask peers for it.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        fresh = self._staged.beside(".torrent.new")
        with writing(self._metainfo):
            self._metainfo.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(raw)
            fresh.replace(self._metainfo)

    def saved_metainfo(self, limit: int) -> bytes | None:
        """The metadata of an earlier try, None when there is none of at most `limit` bytes."""
        try:
            with self._metainfo.open("rb") as stream:
                raw = stream.read(limit + 1)
        except OSError:
            return None
        return raw if len(raw) <= limit else None


def _allocated(path: Path) -> int:
    """Bytes of the disk that a file has already; it may have holes."""
    try:
        found = path.stat()
    except OSError:
        return 0
    # Windows does not say how many blocks a file has.
    return min(found.st_size, getattr(found, "st_blocks", found.st_size // 512 + 1) * 512)
