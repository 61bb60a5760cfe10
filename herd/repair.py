"""Repair: only the damaged pieces come again, and the blob is proved before it is replaced.

Pieces come from what lies on this machine first, then from the file's addresses by
ranges. Where no table says which pieces are damaged, or nobody gives single pieces, the
file comes whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herd import disk
from herd.errors import Interrupted, NoSourceDelivered
from herd.model import (
    File,
    HfSource,
    Installed,
    InstalledFile,
    Model,
    PathSource,
    Source,
    UrlSource,
)
from herd.pieces import Table
from herd.progress import Gauge, Stage
from herd.staging import Staged
from herd.store import Store
from herd.store.findings import Finding, Flaw, Report
from herd.store.proof import Work, damaged
from herd.transfer import Transfer, describe
from herd.transfer.stretches import Stretches
from herd.verify import verify
from herd.words import count

Mouths = Callable[[Iterable[Source], int, threading.Event], Stretches]
_MOST_FILES = 10_000
_DEEPEST = 6


@dataclass(frozen=True)
class Wanted:
    """A repair that somebody asked for."""

    models: tuple[Installed, ...] | None
    """None: everything."""
    places: tuple[Path, ...] = ()
    """Other stores, bundles, folders or files that may have the bytes."""
    is_offline: bool = False
    """Whether the network is left alone."""
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Mended:
    """A blob that is whole again."""

    file: InstalledFile
    pieces: int
    """Pieces that came."""
    size: int
    """Bytes that came."""
    givers: tuple[str, ...]
    """Who gave them."""


@dataclass(frozen=True)
class Repaired:
    """What a repair found and did."""

    before: Report
    mended: tuple[Mended, ...] = ()
    set_right: tuple[Finding, ...] = ()
    """Names and permissions."""
    left: tuple[Finding, ...] = ()
    """What repair does not touch."""


class Repairer:
    """Mends a store."""

    def __init__(
        self,
        store: Store,
        transfer: Transfer,
        models: Callable[[], Iterable[Model]],
        mouths: Mouths = Stretches,
    ) -> None:
        """Reads nothing.

        Args:
            store: The store.
            transfer: Brings a whole file where pieces cannot be had.
            models: What registries offer: further sources of a file.
            mouths: Asks addresses for stretches.
        """
        self._store = store
        self._transfer = transfer
        self._models = models
        self._mouths = mouths

    def repair(self, wanted: Wanted) -> Repaired:
        """Prove, mend what is damaged, prove what was mended.

        Raises:
            NoSourceDelivered: some pieces are nowhere to be had; those that came are kept.
            DigestMismatch, NoRoom, CannotWrite, Busy, Interrupted: the damaged blob is as it was.
        """
        work = Work(wanted.gauge, wanted.stop)
        before = verify(self._store, wanted.models, work)
        if before.is_sound:
            return Repaired(before)
        files = {file.sha256: (model, file) for model in self._held() for file in model.files}
        mended, right, left = [], [], []
        for finding in before.findings:
            if finding.flaw.is_of_bytes and finding.sha256 in files:
                mended.append(self._mend_or_say(*files[finding.sha256], wanted))
            elif self._set_right(finding):
                right.append(finding)
            else:
                left.append(finding)
        return Repaired(before, tuple(mended), tuple(right), tuple(left))

    def _held(self) -> tuple[Installed, ...]:
        return self._store.installed()

    def _mend_or_say(self, model: Installed, file: InstalledFile, wanted: Wanted) -> Mended:
        try:
            return self._mend(model, file, wanted)
        except NoSourceDelivered as error:
            if model.original is None or file != model.files[0]:
                raise
            raise NoSourceDelivered(
                error.message,
                f"herd made it of {model.original.files[0].name}: `herd remove {model.name}` and "
                f"then `herd install {model.name}` make it again.",
            ) from error

    def _mend(self, model: Installed, file: InstalledFile, wanted: Wanted) -> Mended:
        with self._store.hold(model.reference, while_waiting=lambda: _check(wanted.stop)):
            staged = self._store.staged(File(file.name, (), file.size, file.sha256))
            one = _One(self._store, file, staged, wanted, self._sources(file))
            table = self._store.table(file.sha256, file.size)
            done = self._by_pieces(one, table) if table else None
            if done is None:
                done = one.whole(self._transfer)
            self._store.mending.replace(staged.part, file.sha256, file.size)
            self._store.discard(staged)
            return done

    def _by_pieces(self, one: _One, table: Table) -> Mended | None:
        try:
            return one.by_pieces(table, self._mouths)
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

    def _set_right(self, finding: Finding) -> bool:
        """Mend a name or a permission; whether that is repair's to do."""
        if finding.flaw is Flaw.WRITABLE and finding.sha256:
            self._store.mending.protect(finding.sha256)
            return True
        if finding.flaw is Flaw.NO_LINK:
            for model in self._held():
                blobs = (self._store.has(each.sha256, each.size) for each in model.files)
                if model.reference in finding.models and all(blobs):
                    self._store.mending.link(model)
            return True
        return False


class _One:
    """One blob to be mended, by the only one who works on its model."""

    def __init__(
        self,
        store: Store,
        file: InstalledFile,
        staged: Staged,
        wanted: Wanted,
        sources: Sequence[Source],
    ) -> None:
        self._store = store
        self._file = file
        self._part = staged.part
        self._staged = staged
        self._wanted = wanted
        self._sources = sources
        self._givers: dict[str, None] = {}

    def by_pieces(self, table: Table, mouths: Mouths) -> Mended | None:
        """Replace the damaged pieces alone; None where that does not make the file right."""
        with disk.writing(self._part):
            had_part = self._part.exists()
            if not had_part and not self._store.copy_of(self._file.sha256, self._part):
                return None
            bad = damaged(self._part, table, self._wanted.stop)
            if len(bad) == len(table) and not self._wanted.places and len(table) > 1:
                return None
            sizes = sum(len(table.span(piece)) for piece in bad)
            self._wanted.gauge.begin(Stage.FETCHING, sizes, note=self._file.name)
            with self._part.open("r+b", buffering=0) as stream:
                stream.truncate(table.size)
                with mouths(self._addresses(), table.size, self._wanted.stop) as ways:
                    for piece in bad:
                        content = self._piece(table, piece, ways, had_part=had_part)
                        stream.seek(table.span(piece).start)
                        disk.write_all(stream, content)
                        self._wanted.gauge.advance(len(content))
            if not self._is_right():
                return None
        return Mended(self._file, len(bad), sizes, tuple(self._givers))

    def whole(self, transfer: Transfer) -> Mended:
        """Bring the whole file.

        Raises:
            NoSourceDelivered: nobody gives it.
        """
        local = [PathSource(str(path)) for path in self._candidates() if self._fits(path)]
        sources = (*local, *self._addresses())
        if not sources:
            raise NoSourceDelivered(
                f"Nothing on this machine has the bytes of {self._file.name}"
                + (", and the network is left alone." if self._wanted.is_offline else "."),
                "--from PATH names another store, a bundle or a folder that has them.",
            )
        file = File(self._file.name, sources, self._file.size, self._file.sha256)
        fetched = transfer.fetch(file, self._staged, self._wanted.gauge, self._wanted.stop)
        givers = tuple(describe(share.source) for share in fetched.shares)
        table = fetched.delivery.table
        pieces = len(table) if table else 1
        return Mended(self._file, pieces, fetched.delivery.size, givers)

    @property
    def has_other_ways(self) -> bool:
        """Whether somebody may give the whole file who gives no pieces."""
        return any(not isinstance(each, UrlSource | HfSource) for each in self._addresses())

    def _piece(self, table: Table, piece: int, ways: Stretches, *, had_part: bool) -> bytes:
        """The bytes of a piece that are as the table says, from whoever has them.

        Raises:
            NoSourceDelivered: nobody has.
        """
        span = table.span(piece)
        for giver, content in self._offers(span, ways, had_part=had_part):
            if table.is_whole(piece, content):
                self._givers[giver] = None
                return content
        reasons = "; ".join(error.message for error in ways.troubles)
        raise NoSourceDelivered(
            f"Nobody has bytes {span.start}-{span.stop - 1} of {self._file.name}"
            + (f": {reasons}." if reasons else "."),
            "--from PATH names another store, a bundle or a folder that has them.",
        )

    def _offers(
        self, span: range, ways: Stretches, *, had_part: bool
    ) -> Iterator[tuple[str, bytes]]:
        """What claims to be these bytes: nearest first."""
        near = [self._store.blob(self._file.sha256)] if had_part else []
        for path in (*near, *self._candidates()):
            _check(self._wanted.stop)
            if (content := disk.stretch(path, span)) is not None:
                yield str(path), content
        yield from ways.offers(span)

    def _addresses(self) -> tuple[Source, ...]:
        return () if self._wanted.is_offline else tuple(self._sources)

    def _candidates(self) -> list[Path]:
        return [path for place in self._wanted.places for path in self._within(place)]

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

    def _is_right(self) -> bool:
        """Whether the part is the file now: the digest decides, not the table."""
        return disk.digest(self._part, self._took) == self._file.sha256

    def _took(self, _: int) -> None:
        _check(self._wanted.stop)


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Interrupted("Repairing was stopped.", "The same command goes on from there.")


def summary(repaired: Repaired) -> str:
    """What was done, in a sentence."""
    if repaired.before.is_sound:
        return "Nothing is damaged; nothing was done."
    words = []
    if repaired.mended:
        pieces = count(sum(each.pieces for each in repaired.mended), "piece")
        words.append(f"{count(len(repaired.mended), 'blob')} mended with {pieces}")
    if repaired.set_right:
        right = count(len(repaired.set_right), "name or permission", "names or permissions")
        words.append(f"{right} set right")
    return f"{', '.join(words) or 'Nothing was mended'}."
