"""The one path into the store: plan, fetch, verify, convert, commit, record.

A model is installed if and only if its manifest exists, and the manifest is written
last. Whatever ends an install before that leaves what was staged for the next try.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from herd.bring import Known, Work, half_made, left_over
from herd.errors import Interrupted
from herd.model import Choice, File, Installed, InstalledFile
from herd.order import Order
from herd.plan import Ground, Plan, plan
from herd.progress import Stage
from herd.ranks import Ranks
from herd.store import Begun, Store
from herd.transfer import Fetched, Transfer, begun, reserved

__all__ = ["Installer", "Order", "Outcome"]

WAITING = "another herd is installing this model"


@dataclass(frozen=True)
class Outcome:
    """What an install did."""

    installed: Installed
    fetched: tuple[Fetched, ...] = ()
    seconds: float = 0.0
    was_there: bool = False
    warnings: tuple[str, ...] = ()
    """Sentences about what was recognised and what a conversion had to guess."""
    had: int = 0
    """Bytes that earlier tries of HTTP or the package index had left in staging."""

    @property
    def moved(self) -> int:
        """Bytes of the model that came in these seconds, not in an earlier try."""
        each = [
            (sum(share.size for share in one.shares), one.delivery.size) for one in self.fetched
        ]
        given, whole = sum(new for new, _ in each), sum(size for _, size in each)
        return max(0, min(given, whole - self.had))


class Installer:
    """Brings choices into a store."""

    def __init__(
        self,
        store: Store,
        transfer: Transfer,
        memory: Callable[[], int | None] = lambda: None,
        ranks: Ranks | None = None,
        known: Known = lambda _: None,
    ) -> None:
        """Touches nothing.

        Args:
            store: Where models are kept.
            transfer: Brings the bytes.
            memory: Bytes of memory that this machine has.
            ranks: How sources behaved; None: nobody remembers.
            known: What a registry offers with these digests.
        """
        self._store = store
        self._transfer = transfer
        self._memory = memory
        self._ranks = ranks
        self._known = known

    def plan(self, choice: Choice, *, keeps_original: bool = False) -> Plan:
        """What installing the choice would take now; changes nothing.

        Args:
            choice: What is to be installed.
            keeps_original: As in Order.
        """
        files = choice.variant.files
        kept = (each.sha256 for each in files if each.sha256 and self._is_near(each))
        came = {file: whole for file in files if (whole := self._already(file))}
        ground = Ground(
            kept=frozenset(kept),
            staged={file: self._begun(file) for file in files},
            whole=came,
            free=self._store.free()
            + left_over(half_made(self._store, choice))
            + sum(reserved(self._store.place(file)) for file in files),
            memory=self._memory(),
            is_installed=self._installed(choice, keeps_original=keeps_original) is not None,
        )
        return plan(choice, ground, keeps_original=keeps_original)

    def install(self, order: Order) -> Outcome:
        """Install what was ordered; the same order again goes on where this one stopped.

        Raises:
            LicenceNotAccepted, CannotRun, NoRoom: before the first byte.
            NoSourceDelivered, DigestMismatch: nothing is installed.
            LegacyError: it came, and is no ggml file that herd converts; nothing is kept.
            CannotWrite, Interrupted, Busy: what was staged is kept.
        """
        begun = time.monotonic()
        choice = order.choice
        self._check(order)
        before = self._unpromised(choice)
        work = Work(self._store, self._transfer, order, self._ranks, self._known)
        try:
            with self._store.hold(choice.reference, while_waiting=lambda: self._wait(order)):
                there = self._installed(choice, keeps_original=order.keeps_original)
                if there is None and (meanwhile := self._unpromised(choice)) != before:
                    there = meanwhile
                if there:
                    order.gauge.begin(Stage.DONE, there.size, there.size)
                    return Outcome(there, was_there=True)
                planned = self._check(order)
                self._store.sweep()
                installed = work.bring(planned)
        finally:
            if work.unwanted:  # not within the hold, which keeps them
                self._store.drop(work.unwanted)
        seconds = time.monotonic() - begun
        order.gauge.begin(Stage.DONE, installed.size, installed.size)
        had = sum(fetch.offset for fetch in planned.fetches)
        return Outcome(installed, tuple(work.fetched), seconds, warnings=work.warnings, had=had)

    def discard(self, choice: Choice) -> None:
        """Throw away what a broken-off install of this choice left; what is installed stays.

        Raises:
            CannotWrite: the disk.
        """
        came = {file.sha256 for file in choice.variant.files if file.sha256}
        for file in choice.variant.files:
            place = self._store.place(file)
            with self._store.alone_with(Begun(place, 0)) as is_alone:
                if is_alone:  # else another model has the same file, and its install goes on
                    self._store.discard(place)
            if whole := self._store.whole(file):
                came.add(whole.sha256)
            self._store.forget_whole(file)
        self._store.discard(half_made(self._store, choice))
        self._store.drop(came)

    def _check(self, order: Order) -> Plan:
        planned = self.plan(order.choice, keeps_original=order.keeps_original)
        if trouble := planned.trouble(is_licence_accepted=order.is_licence_accepted):
            raise trouble
        return planned

    def _installed(self, choice: Choice, *, keeps_original: bool) -> Installed | None:
        """The manifest of exactly these bytes, or of what was made of them, if there is one."""
        wanted = {file.sha256 for file in choice.variant.files}
        for each in self._store.installed():
            if each.reference != choice.reference or {file.sha256 for file in each.came} != wanted:
                continue
            if not keeps_original or wanted <= {file.sha256 for file in each.files}:
                return each
        return None

    def _unpromised(self, choice: Choice) -> Installed | None:
        """What is installed of these very sources, where no digest says what they give."""
        files = choice.variant.files
        if all(file.sha256 for file in files):
            return None
        for each in self._store.installed():
            came = [file.sources for file in each.came]
            if each.reference == choice.reference and came == [file.sources for file in files]:
                return each
        return None

    def _begun(self, file: File) -> int:
        return begun(self._store.place(file))

    def _wait(self, order: Order) -> None:
        """Show how far the other herd is, while it has the model.

        Raises:
            Interrupted: the person does not want to wait.
        """
        if order.stop.is_set():
            raise Interrupted(f"Waiting for {order.choice.reference} was stopped.")
        done = sum(self._is_here(file) for file in order.choice.variant.files)
        if order.gauge.read().note == WAITING:
            order.gauge.move_to(done)
        else:
            order.gauge.begin(Stage.WAITING, order.choice.variant.size, done, WAITING)

    def _already(self, file: File) -> InstalledFile | None:
        """What a file is, of which nobody promised all, if the store has its bytes."""
        digest = file.sha256
        if digest is None:
            return self._store.whole(file)
        if file.size is not None or not self._store.has(digest, None):
            return None
        return InstalledFile(file.name, self._store.blob(digest).stat().st_size, digest)

    def _is_near(self, file: File) -> bool:
        """Whether this store or one below it has the file."""
        digest = file.sha256
        if digest is None:
            return False
        return self._store.has(digest, file.size) or bool(self._store.lent(digest, file.size))

    def _is_here(self, file: File) -> int:
        """Bytes of a file that are here, whoever brought them."""
        has = file.sha256 is not None and self._store.has(file.sha256, file.size)
        return file.size or 0 if has else self._begun(file)
