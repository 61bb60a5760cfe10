"""Repair: what a proof found is mended, and proved before it takes the damaged blob's place."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from herd.convert import Old, again
from herd.errors import CannotWrite, Interrupted, NoRoom, NoSourceDelivered
from herd.model import File, Installed, InstalledFile, Original
from herd.piece_repair import Means, PieceRepairer, RepairedFile, check_stop
from herd.pieces import Table
from herd.progress import Gauge, Stage
from herd.staging import Staged
from herd.store import Store
from herd.store.findings import Finding, Flaw, Report
from herd.store.proof import Work
from herd.store.tables import table_of
from herd.verify import verify
from herd.words import count


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
class Repaired:
    """What a repair found and did."""

    before: Report
    files: tuple[RepairedFile, ...] = ()
    set_right: tuple[Finding, ...] = ()
    """Names and permissions."""
    left: tuple[Finding, ...] = ()
    """What repair does not touch."""


class Repairer:
    """Mends a store."""

    def __init__(self, store: Store, piece_repairer: PieceRepairer) -> None:
        """Reads nothing.

        Args:
            store: The store.
            piece_repairer: Makes files whole.
        """
        self._store = store
        self._piece_repairer = piece_repairer

    def repair(self, wanted: Wanted) -> Repaired:
        """Prove, mend what is damaged, prove what was mended.

        Raises:
            NoSourceDelivered: some pieces are nowhere to be had; those that came are kept.
            DigestMismatch, NoRoom, CannotWrite, Busy, Interrupted: the damaged blob is as it was.
        """
        for model in wanted.models or ():
            if (home := self._store.home_of(model)) != self._store.root:
                raise CannotWrite(
                    f"{model.reference} is in the store at {home}, which is not yours.",
                    "Whoever keeps this machine can repair it there.",
                )
        work = Work(wanted.gauge, wanted.stop)
        before = verify(self._store, wanted.models, work)
        if before.is_sound:
            return Repaired(before)
        files = {file.sha256: (model, file) for model in self._store.own() for file in model.files}
        mended, right, left = [], [], []
        for finding in before.findings:
            if finding.flaw.is_of_bytes and finding.sha256 in files:
                mended.append(self._repair_blob(*files[finding.sha256], wanted))
            elif self._set_right(finding):
                right.append(finding)
            else:
                left.append(finding)
        return Repaired(before, tuple(mended), tuple(right), tuple(left))

    def _repair_blob(self, model: Installed, file: InstalledFile, wanted: Wanted) -> RepairedFile:
        with self._store.hold(model.reference, while_waiting=lambda: check_stop(wanted.stop)):
            staged = self._store.staged(File(file.name, (), file.size, file.sha256))
            table = self._store.table(file.sha256, file.size)
            means = Means(wanted.places, wanted.is_offline, wanted.gauge, wanted.stop)
            try:
                done = self._piece_repairer.repair(file, staged, table, means)
            except NoSourceDelivered:
                if model.original is None or file != model.files[0]:
                    raise
                done = self._made_again(model, model.original, staged, means)
            self._store.repair_steps.replace(staged.part, file.sha256, file.size)
            self._store.discard(staged)
            if table is None:
                self._keep_table(file, done.table, means)
            return done

    def _keep_table(self, file: InstalledFile, table: Table | None, means: Means) -> None:
        """Of a blob that was proved a moment ago: its next damage is not to cost all of it again.

        Args:
            file: The file.
            table: Its pieces; None: it is read once more.
            means: Whose gauge moves; the repair is done, and stopping this is no trouble.
        """

        def took(count: int) -> None:
            check_stop(means.stop)
            means.gauge.advance(count)

        with suppress(CannotWrite, NoRoom, Interrupted):
            if table is None:
                means.gauge.begin(Stage.VERIFYING, file.size)
                table = table_of(self._store.blob(file.sha256), took)
            self._store.keep_table(file.sha256, table)

    def _made_again(
        self, model: Installed, original: Original, staged: Staged, means: Means
    ) -> RepairedFile:
        """Convert the old files once more: nobody but herd ever had the GGUF.

        Raises:
            NoSourceDelivered: they are nowhere to be had, or give another file today.
            DigestMismatch, LegacyError, NoRoom, CannotWrite, Interrupted: the same.
        """
        file = model.files[0]
        places: list[Staged] = []
        olds: list[Old] = []
        for each in original.files:
            place = self._store.staged(File(each.name, (), each.size, each.sha256))
            places.append(place)
            olds.append(Old(self._original(each, place, means), each.name, each.size, each.sha256))
        self._store.discard(staged)
        made = again(model, olds, staged.part, means.gauge, means.stop)
        if made.file.sha256 != file.sha256:
            raise NoSourceDelivered(
                f"This herd makes another file of {olds[0].name} than {file.name}: it has "
                f"converter {made.original.converter}, and that was made by {original.converter}.",
                f"`herd remove {model.name}` and then `herd install {model.name}` make it anew.",
            )
        for place in places:
            self._store.discard(place)
        givers = tuple(old.name for old in olds)
        return RepairedFile(file, len(made.table), made.file.size, givers, made.table)

    def _original(self, file: InstalledFile, place: Staged, means: Means) -> Path:
        """An old file: the store's own, or from wherever it is."""
        if self._store.has(file.sha256, file.size):
            return self._store.blob(file.sha256)
        self._piece_repairer.repair(file, place, None, means)
        return place.part

    def _set_right(self, finding: Finding) -> bool:
        """Mend a name or a permission; whether that is repair's to do."""
        if finding.flaw is Flaw.WRITABLE and finding.sha256:
            self._store.repair_steps.protect(finding.sha256)
            return True
        if finding.flaw is Flaw.NO_LINK:
            for model in self._store.own():
                blobs = (self._store.has(each.sha256, each.size) for each in model.files)
                if model.reference in finding.models and all(blobs):
                    self._store.repair_steps.link(model)
            return True
        return False


def summary(repaired: Repaired) -> str:
    """What was done, in a sentence."""
    if repaired.before.is_sound:
        return "Nothing is damaged; nothing was done."
    words = []
    if repaired.files:
        pieces = count(sum(each.pieces for each in repaired.files), "piece")
        words.append(f"{count(len(repaired.files), 'blob')} mended with {pieces}")
    if repaired.set_right:
        right = count(len(repaired.set_right), "name or permission", "names or permissions")
        words.append(f"{right} set right")
    return f"{', '.join(words) or 'Nothing was mended'}."
