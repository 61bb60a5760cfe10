"""One file made whole: the pieces that are wrong come again, from wherever they are.

Pieces come from what lies on this machine first, then from the file's addresses by
ranges, then from its swarm. Where no table says which pieces are wrong, or nobody gives single
pieces, the file comes whole. What is made is proved; a table that lies costs time and nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from herd import disk
from herd.errors import DigestMismatch, Interrupted, NoSourceDelivered
from herd.model import (
    File,
    HfSource,
    InstalledFile,
    MagnetSource,
    Model,
    PathSource,
    Source,
    TorrentSource,
    UrlSource,
)
from herd.pieces import Table, piece_size_of, spans
from herd.progress import Gauge, Stage
from herd.staging import Staged
from herd.store import Store
from herd.store.proof import damaged
from herd.transfer import Transfer, describe, ledger
from herd.transfer.extents import Extents
from herd.transfer.ledger import Note, Run, Sums

_SWARMS = (MagnetSource, TorrentSource)
_ELSEWHERE = "--from PATH names another store, a bundle or a folder that has them."
_MOST_FILES = 10_000
_DEEPEST = 6


@dataclass(frozen=True)
class Means:
    """With what a file may be made whole."""

    places: tuple[Path, ...] = ()
    """Other stores, bundles, folders or files that may have the bytes."""
    is_offline: bool = False
    """Whether the network is left alone."""
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class RepairedFile:
    """A file that is whole again."""

    file: InstalledFile
    pieces: int
    """Pieces that came."""
    size: int
    """Bytes that came."""
    givers: tuple[str, ...]
    """Who gave them."""
    table: Table | None = None
    """The file's pieces, where whoever brought all of it hashed them too."""


class PieceRepairer:
    """Makes files whole in staging."""

    def __init__(
        self,
        store: Store,
        transfer: Transfer,
        models: Callable[[], Iterable[Model]],
    ) -> None:
        """Reads nothing.

        Args:
            store: Where the file is staged, and where a damaged blob of it may lie.
            transfer: Brings pieces, and a whole file where pieces cannot be had.
            models: What registries offer: further sources of a file.
        """
        self._store = store
        self._transfer = transfer
        self._models = models

    def repair(
        self, file: InstalledFile, staged: Staged, table: Table | None, means: Means
    ) -> RepairedFile:
        """Have the whole file in `staged.part`; what lies there already counts.

        Raises:
            NoSourceDelivered: some pieces are nowhere to be had; those that came are kept.
            DigestMismatch, NoRoom, CannotWrite, Interrupted: what was staged may be kept.
        """
        one = _One(self._store, file, staged, means, self._sources(file))
        done = self._by_pieces(one, table) if table else None
        return one.whole(self._transfer) if done is None else done

    def _by_pieces(self, one: _One, table: Table) -> RepairedFile | None:
        try:
            return one.by_pieces(table, self._transfer)
        except DigestMismatch:
            return None  # the table may have lied: nothing is left of what it vouched for
        except NoSourceDelivered:
            if not one.has_other_ways:
                raise
            return None

    def _sources(self, file: InstalledFile) -> tuple[Source, ...]:
        """Where the file came from, and where registries say that it is."""
        offered = (
            source
            for model in self._models()
            for variant in model.variants
            for each in variant.files
            if each.sha256 == file.sha256
            for source in each.sources
        )
        return tuple(dict.fromkeys((*file.sources, *offered)))


class _One:
    """One blob to be mended, by the only one who works on its model."""

    def __init__(
        self,
        store: Store,
        file: InstalledFile,
        staged: Staged,
        means: Means,
        sources: Sequence[Source],
    ) -> None:
        self._store = store
        self._file = file
        self._part = staged.part
        self._staged = staged
        self._means = means
        self._sources = sources
        self._givers: dict[str, None] = {}

    def by_pieces(self, table: Table, transfer: Transfer) -> RepairedFile | None:
        """Replace the damaged pieces alone; None where that does not make the file right."""
        with disk.writing(self._part):
            had_part = self._part.exists()
            if not had_part and not self._store.copy_of(self._file.sha256, self._part):
                return None
            bad = damaged(self._part, table, self._means.stop)
            if len(bad) == len(table) and not self._means.places and len(table) > 1:
                return None
            sizes = sum(len(table.span(piece)) for piece in bad)
            self._means.gauge.begin(Stage.FETCHING, sizes, note=self._file.name)
            with self._part.open("r+b", buffering=0) as stream:
                stream.truncate(table.size)
                left = [each for each in bad if not self._is_near(table, each, stream, had_part)]
            if left:
                self._note(table, left)
        if left:
            self._fetch(table, left, transfer)
        else:
            ledger.forget(self._staged)
            if not self._is_right():
                return None
        return RepairedFile(self._file, len(bad), sizes, tuple(self._givers))

    def _is_near(self, table: Table, piece: int, stream: FileIO, had_part: bool) -> bool:
        """Take a piece from what lies on this machine; whether any of it has the piece."""
        span = table.span(piece)
        blobs = [self._store.blob(self._file.sha256)] if had_part else []
        for path in (*blobs, *self._candidates()):
            check_stop(self._means.stop)
            content = disk.stretch(path, span)
            if content is not None and table.is_whole(piece, content):
                stream.seek(span.start)
                disk.write_all(stream, content)
                self._means.gauge.advance(len(content))
                self._givers[str(path)] = None
                return True
        return False

    def _note(self, table: Table, left: Sequence[int]) -> None:
        """Have the part be a download of which these pieces are still to come.

        What an earlier repair brought of one of them counts, and the table says of each piece
        that comes whether it is right; after a flat one the digest of the file does, in the end.
        """
        before, inode = ledger.load(self._staged), self._part.stat().st_ino
        have = Extents([(0, table.size)])
        for each in (table.span(piece) for piece in left):
            have.remove(each.start, each.stop)
            if before is None or before.inode != inode:
                continue
            came = Extents(span for spans in before.given.values() for span in spans)
            begun = list(came.within(each.start, each.stop))
            if begun != [(each.start, each.stop)]:  # else it is whole, and wrong
                for start, stop in begun:
                    have.add(start, stop)
        note = Note(table.size, inode, {"": list(have)})
        ledger.forget(self._staged)
        ledger.save(self._staged, note, Run(), {})
        if table.is_flat:
            return
        Sums(self._staged, table.size).put(0, table.hashes)

    def _fetch(self, table: Table, left: Sequence[int], transfer: Transfer) -> None:
        """Bring pieces from the file's addresses, all of them together.

        Raises:
            NoSourceDelivered: some pieces are nowhere to be had; those that came are kept.
            DigestMismatch: what came does not make the file right; nothing is kept.
        """
        addresses = [each for each in self._addresses() if isinstance(each, UrlSource | HfSource)]
        if not addresses:
            span = next(spans(table, left))
            raise NoSourceDelivered(
                f"Nobody has bytes {span.start}-{span.stop - 1} of {self._file.name}.", _ELSEWHERE
            )
        file = File(self._file.name, tuple(addresses), self._file.size, self._file.sha256)
        try:
            fetched = transfer.fetch(
                file,
                self._staged,
                self._means.gauge,
                self._means.stop,
                only_parts=self.has_other_ways,
            )
        except NoSourceDelivered as error:
            raise NoSourceDelivered(error.message, _ELSEWHERE) from error
        for share in fetched.shares:
            self._givers[describe(share.source)] = None

    def whole(self, transfer: Transfer) -> RepairedFile:
        """Bring the whole file; a swarm adds to what lies in the part.

        Raises:
            NoSourceDelivered: nobody gives it.
        """
        local = [
            PathSource(str(path))
            for path in self._candidates()
            if self._fits(path) and not self._is_the_blob(path)
        ]
        # A swarm brings what is wrong in the part, and the files here had none of it.
        swarms = [each for each in self._addresses() if isinstance(each, _SWARMS)]
        if swarms and not local and not self._part.exists():
            self._store.copy_of(self._file.sha256, self._part)  # its torrent knows the pieces
        first = swarms if self._part.exists() else []
        sources = tuple(dict.fromkeys((*first, *local, *self._addresses())))
        if not sources:
            raise NoSourceDelivered(
                f"Nothing on this machine has the bytes of {self._file.name}"
                + (", and the network is left alone." if self._means.is_offline else "."),
                _ELSEWHERE,
            )
        file = File(self._file.name, sources, self._file.size, self._file.sha256)
        fetched = transfer.fetch(file, self._staged, self._means.gauge, self._means.stop)
        givers = tuple(describe(share.source) for share in fetched.shares)
        table = fetched.delivery.table
        came = sum(share.size for share in fetched.shares) or fetched.delivery.size
        piece = table.piece_size if table else piece_size_of(self._file.size)
        return RepairedFile(self._file, -(-came // piece), came, givers, table)

    @property
    def has_other_ways(self) -> bool:
        """Whether somebody may give the whole file who gives no pieces."""
        return any(not isinstance(each, UrlSource | HfSource) for each in self._addresses())

    def _addresses(self) -> tuple[Source, ...]:
        return () if self._means.is_offline else tuple(self._sources)

    def _candidates(self) -> list[Path]:
        """Files on this machine that may have the bytes, the store's own names first."""
        lent = self._store.lent(self._file.sha256, self._file.size)
        near = [*self._store.names_of(self._file.sha256), *([lent] if lent else [])]
        return [*near, *(path for place in self._means.places for path in self._within(place))]

    def _within(self, place: Path) -> Iterator[Path]:
        """Files of a place that may have the bytes: by digest, by name or by size."""
        yield place / "blobs" / "sha256" / self._file.sha256
        if place.is_file():
            yield place
            return
        for path in disk.files_below(place, most=_MOST_FILES, deepest=_DEEPEST):
            if path.name == self._file.name or self._fits(path):
                yield path

    def _fits(self, path: Path) -> bool:
        try:
            return path.is_file() and path.stat().st_size == self._file.size
        except OSError:
            return False

    def _is_the_blob(self, path: Path) -> bool:
        """Whether it is only another name of the damaged bytes."""
        blob = self._store.blob(self._file.sha256)
        return blob.exists() and path.samefile(blob)

    def _is_right(self) -> bool:
        """Whether the part is the file now: the digest decides, not the table."""
        return disk.digest(self._part, self._took) == self._file.sha256

    def _took(self, _: int) -> None:
        check_stop(self._means.stop)


def check_stop(stop: threading.Event) -> None:
    """End here if somebody wants it to end.

    Raises:
        Interrupted: they do.
    """
    if stop.is_set():
        raise Interrupted("It was stopped.", "The same command goes on from there.")
