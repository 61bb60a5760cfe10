"""Installing from a bundle: every byte proved, torn copies completed by the piece.

What a registry knows of the bytes goes before what the bundle says of them. A bundle names
no addresses that herd would ask: those come from registries alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from herd import disk, gguf_header
from herd.bundle import Bundle, bytes_of, copied
from herd.chat import now
from herd.errors import (
    BadUsage,
    CannotRun,
    DigestMismatch,
    LicenceNotAccepted,
    NoRoom,
    NoSourceDelivered,
)
from herd.gguf_header import BadHeader
from herd.model import File, Installed, InstalledFile, Model, Variant, is_name
from herd.piece_repair import Means, PieceRepairer, RepairedFile, check_stop
from herd.pieces import Table, spans
from herd.progress import Gauge, Stage
from herd.record import described
from herd.registry.catalogue import with_digests
from herd.staging import Staged
from herd.store import Store
from herd.store.adopting import Way, have
from herd.store.proof import damaged
from herd.words import size

_ELSEWHERE = "--with PATH names another bundle, a store or a folder that has it."


@dataclass(frozen=True)
class Unpacking:
    """A bundle that somebody wants installed."""

    bundle: Bundle
    name: str | None = None
    places: tuple[Path, ...] = ()
    """Other bundles, stores and folders that may have what it lacks."""
    is_licence_accepted: bool = False
    is_offline: bool = False
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Lack:
    """What a copy of a file lacks."""

    file: InstalledFile
    pieces: tuple[int, ...]
    spans: tuple[range, ...]
    """Offsets of the bytes."""


@dataclass(frozen=True)
class Unpacked:
    """What came of it."""

    installed: Installed
    lacked: tuple[Lack, ...] = ()
    completed: tuple[RepairedFile, ...] = ()
    was_there: bool = False


class Unpacker:
    """Installs bundles."""

    def __init__(
        self, store: Store, piece_repairer: PieceRepairer, models: Callable[[], Iterable[Model]]
    ) -> None:
        """Reads nothing."""
        self._store = store
        self._piece_repairer = piece_repairer
        self._models = models

    def unpack(self, wanted: Unpacking) -> Unpacked:
        """Prove a bundle, complete it where it is torn, install it.

        Raises:
            LicenceNotAccepted: nothing was read.
            BadUsage: its name is taken by other bytes.
            DigestMismatch: it is not what it says, and nobody has what it should be.
            NoSourceDelivered: it is torn, and nobody has what is missing.
            CannotRun: what it has is no model.
            NoRoom, CannotWrite, Busy, Interrupted: what was staged is kept.
        """
        installed = self._described(wanted)
        if installed.licence.must_be_accepted and not wanted.is_licence_accepted:
            raise LicenceNotAccepted(
                f"The licence of {installed.name}, {installed.licence.id}, must be accepted.",
                "Read it in the bundle's LICENCE.txt, and add --accept-licence.",
            )
        if there := self._there(installed):
            return Unpacked(there, was_there=True)
        with self._store.hold(installed.reference, while_waiting=lambda: check_stop(wanted.stop)):
            self._store.sweep()
            got = [self._bring(file, wanted) for file in installed.files]
            wanted.gauge.begin(Stage.INSTALLING)
            self._store.record(installed)
        lacked = tuple(lack for lack, _ in got if lack)
        return Unpacked(installed, lacked, tuple(mended for _, mended in got if mended))

    def _described(self, wanted: Unpacking) -> Installed:
        said = wanted.bundle.installed
        known = with_digests(self._models(), [file.sha256 for file in said.files])
        if known and wanted.name is None:
            return described(known.model, known.variant, _of_registry(known.variant), "a bundle")
        name = wanted.name or said.name
        if not is_name(name):
            raise BadUsage(f"{name!r} cannot name a model.", "Use lower-case letters and digits.")
        taken = {each for model in self._models() for each in (model.name, *model.aliases)}
        if name in taken:
            raise BadUsage(
                f"The registry has another model named {name} than the bundle.",
                "Add --as NAME to install the bundle under a name of its own.",
            )
        files = tuple(replace(file, sources=(), adopted=None) for file in said.files)
        return replace(
            said, name=name, files=files, installed_at=now(), source="a bundle",
            is_verified=False, registry=None,
        )  # fmt: skip

    def _there(self, installed: Installed) -> Installed | None:
        """The same model, if it is installed; other bytes of that name are a trouble."""
        for each in self._store.installed():
            if each.reference != installed.reference:
                continue
            if each.digests == installed.digests:
                return each
            raise BadUsage(
                f"{installed.reference} is installed already, with other bytes.",
                "Add --as NAME to install the bundle under another name.",
            )
        return None

    def _bring(
        self, file: InstalledFile, wanted: Unpacking
    ) -> tuple[Lack | None, RepairedFile | None]:
        if self._store.has(file.sha256, file.size):
            return None, None
        staged = self._store.staged(File(file.name, (), file.size, file.sha256))
        bundle = wanted.bundle
        said = _as_in(bundle, file)
        table = bundle.table(said)
        lack = self._copy(said, staged.part, table, wanted)
        mended = self._complete(file, lack, table, wanted) if lack else None
        if file.sha256 == bundle.installed.files[0].sha256:
            self._require_model(bundle, staged)
        self._store.commit(staged.part, file.sha256, file.size)
        self._store.discard(staged)
        return lack, mended

    def _copy(
        self, file: InstalledFile, part: Path, table: Table | None, wanted: Unpacking
    ) -> Lack | None:
        """Stage what the bundle has of a file; what it lacks of it."""
        source = bytes_of(wanted.bundle, file)
        wanted.gauge.begin(Stage.VERIFYING, file.size, note=file.name)
        if source is not None and not part.exists():
            if source.stat().st_size > file.size:
                raise DigestMismatch(f"{source} is longer than the bundle says; it is refused.")
            is_whole = _staged(source, part, wanted) == file.sha256
        else:
            is_whole = part.exists() and _digest(part, wanted) == file.sha256
        if is_whole:
            return None
        if table is None:
            return Lack(file, (), (range(file.size),))
        bad = range(len(table)) if not part.exists() else damaged(part, table, wanted.stop)
        return Lack(file, tuple(bad), tuple(spans(table, tuple(bad))))

    def _complete(
        self, file: InstalledFile, lack: Lack, table: Table | None, wanted: Unpacking
    ) -> RepairedFile:
        staged = self._store.staged(File(file.name, (), file.size, file.sha256))
        means = Means(wanted.places, wanted.is_offline, wanted.gauge, wanted.stop)
        if table is not None:
            staged.part.touch()
        else:
            self._store.discard(staged)
        try:
            return self._piece_repairer.repair(file, staged, table, means)
        except NoSourceDelivered as error:
            raise NoSourceDelivered(
                f"The bundle is torn: {lacks(lack)}, and nobody else has it.", _ELSEWHERE
            ) from error

    def _require_model(self, bundle: Bundle, staged: Staged) -> None:
        """Refuse what is no model, before it has a name.

        Raises:
            CannotRun: the first file is none; it is not kept.
        """
        first = bundle.installed.files[0].name
        try:
            gguf_header.read_file(staged.part)
        except BadHeader as error:
            self._store.discard(staged)
            raise CannotRun(f"{first} of the bundle is no GGUF model: {error}.") from error


def lacks(lack: Lack) -> str:
    """What a copy lacks, in words."""
    named = ", ".join(f"{span.start}-{span.stop - 1}" for span in lack.spans[:4])
    more = f" and {len(lack.spans) - 4} more" if len(lack.spans) > 4 else ""
    if not lack.pieces:
        return f"{lack.file.name} is not what it should be"
    one = len(lack.pieces) == 1
    word, are = ("piece", "is") if one else ("pieces", "are")
    where = f"(bytes {named}{more})"
    return f"{len(lack.pieces)} {word} of {lack.file.name} {are} missing {where}"


def _staged(source: Path, part: Path, wanted: Unpacking) -> str:
    """Share the blocks of a file or copy it, hashed on the way; its sha256.

    Raises:
        NoRoom: before a byte was copied, or on the way; there is no part.
        CannotWrite, Interrupted: there is no part.
    """
    fresh = part.with_name(part.name + ".new")
    with disk.writing(part):
        try:
            have(source, fresh, (Way.REFLINK,))
        except OSError:
            _require_room(source, part)
            wanted.gauge.begin(Stage.COPYING, source.stat().st_size, note=source.name)
            sha256 = _copied(source, fresh, wanted)
        else:
            sha256 = _digest(fresh, wanted)
        fresh.chmod(0o644)
        fresh.replace(part)
    return sha256


def _copied(source: Path, fresh: Path, wanted: Unpacking) -> str:
    try:
        return copied(source, fresh, _took(wanted))
    except BaseException:
        disk.remove(fresh)
        raise


def _require_room(source: Path, part: Path) -> None:
    needed, free = source.stat().st_size, disk.free(part)
    if needed > free:
        raise NoRoom(
            f"{source.name} takes {size(needed)} and {size(free)} are free at {part.parent}.",
            "Free some room and run the same command again.",
        )


def _digest(part: Path, wanted: Unpacking) -> str:
    return disk.digest(part, _took(wanted))


def _took(wanted: Unpacking) -> Callable[[int], None]:
    def took(count: int) -> None:
        check_stop(wanted.stop)
        wanted.gauge.advance(count)

    return took


def _as_in(bundle: Bundle, file: InstalledFile) -> InstalledFile:
    """The same file under the name that it has in the bundle."""
    return next(each for each in bundle.installed.files if each.sha256 == file.sha256)


def _of_registry(variant: Variant) -> tuple[InstalledFile, ...]:
    return tuple(
        InstalledFile(file.name, file.size or 0, file.sha256, file.sources)
        for file in variant.files
        if file.sha256
    )
