"""The one path into the store: plan, fetch, verify, commit, record.

A model is installed if and only if its manifest exists, and the manifest is written
last. Whatever ends an install before that leaves what was staged for the next try.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from herd.chat import now
from herd.errors import CannotRun, DigestMismatch, Interrupted
from herd.model import Choice, File, Format, Installed, InstalledFile, is_file_name
from herd.plan import Ground, Keep, Plan, Step, is_of_format, plan
from herd.progress import Gauge, Stage
from herd.store import Store
from herd.transfer import Fetched, Transfer, describe


@dataclass(frozen=True)
class Order:
    """An install that somebody asked for."""

    choice: Choice
    is_licence_accepted: bool = False
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Outcome:
    """What an install did."""

    installed: Installed
    fetched: tuple[Fetched, ...] = ()
    seconds: float = 0.0
    was_there: bool = False


class Installer:
    """Brings choices into a store."""

    def __init__(
        self,
        store: Store,
        transfer: Transfer,
        memory: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._store = store
        self._transfer = transfer
        self._memory = memory

    def plan(self, choice: Choice) -> Plan:
        """What installing the choice would take now; changes nothing."""
        files = choice.variant.files
        kept = (
            each.sha256 for each in files if each.sha256 and self._store.has(each.sha256, each.size)
        )
        ground = Ground(
            kept=frozenset(kept),
            staged={file: self._begun(file) for file in files},
            free=self._store.free(),
            memory=self._memory(),
            is_installed=self._installed(choice) is not None,
        )
        return plan(choice, ground)

    def install(self, order: Order) -> Outcome:
        """Install what was ordered; the same order again goes on where this one stopped.

        Raises:
            LicenceNotAccepted, CannotRun, NoRoom: before the first byte.
            NoSourceDelivered, DigestMismatch: nothing is installed.
            CannotWrite, Interrupted, Busy: what was staged is kept.
        """
        begun = time.monotonic()
        choice = order.choice
        self._check(order)
        with self._store.hold(choice.reference, while_waiting=lambda: _wait(order)):
            if there := self._installed(choice):
                order.gauge.begin(Stage.DONE, there.size, there.size)
                return Outcome(there, was_there=True)
            planned = self._check(order)
            self._store.sweep()
            outcome = self._bring(order, planned)
        seconds = time.monotonic() - begun
        order.gauge.begin(Stage.DONE, outcome.installed.size, outcome.installed.size)
        return Outcome(outcome.installed, outcome.fetched, seconds)

    def _check(self, order: Order) -> Plan:
        planned = self.plan(order.choice)
        if trouble := planned.trouble(is_licence_accepted=order.is_licence_accepted):
            raise trouble
        return planned

    def _bring(self, order: Order, planned: Plan) -> Outcome:
        brought = [self._one(step, order) for step in planned.steps]
        files = tuple(file for file, _ in brought)
        fetched = tuple(each for _, each in brought if each is not None)
        order.gauge.begin(Stage.INSTALLING)
        installed = _manifest(order.choice, files, fetched)
        self._store.record(installed)
        return Outcome(installed, fetched)

    def _one(self, step: Step, order: Order) -> tuple[InstalledFile, Fetched | None]:
        file = step.file
        if isinstance(step, Keep):
            return step.kept, None
        staged = self._store.staged(file)
        fetched = self._transfer.fetch(file, staged, order.gauge, order.stop)
        delivery = fetched.delivery
        with staged.part.open("rb") as stream:
            found = is_of_format(stream.read(4))
        if found is not order.choice.variant.format:
            self._store.discard(staged)
            raise _wrong_format(order.choice, file, found)
        self._store.commit(staged.part, delivery.sha256, delivery.size, delivery.table)
        self._store.discard(staged)
        name = file.name
        if file.sha256 is None and delivery.name and is_file_name(delivery.name):
            name = delivery.name
        return InstalledFile(name, delivery.size, delivery.sha256), fetched

    def _installed(self, choice: Choice) -> Installed | None:
        """The manifest of exactly these bytes, if there is one."""
        wanted = {file.sha256 for file in choice.variant.files}
        for each in self._store.installed():
            if (
                each.reference == choice.reference
                and {file.sha256 for file in each.files} == wanted
            ):
                return each
        return None

    def _begun(self, file: File) -> int:
        try:
            return self._store.staged(file).part.stat().st_size
        except OSError:
            return 0


def _wait(order: Order) -> None:
    order.gauge.note("another herd is installing this model")
    if order.stop.is_set():
        raise Interrupted(f"Waiting for {order.choice.reference} was stopped.")


def _wrong_format(choice: Choice, file: File, found: Format) -> CannotRun | DigestMismatch:
    if found is Format.GGML:
        return CannotRun(
            f"{file.name} is a ggml file of before August 2023, which herd cannot run yet.",
            "Look for the same model as GGUF: `herd search`.",
        )
    return CannotRun(
        f"{file.name} is not a {choice.variant.format} model: its first bytes say something else.",
        "Nothing was installed; check the address or path.",
    )


def _manifest(
    choice: Choice, files: tuple[InstalledFile, ...], fetched: tuple[Fetched, ...]
) -> Installed:
    model, variant = choice.model, choice.variant
    sources = dict.fromkeys(describe(each.source) for each in fetched)
    return Installed(
        name=model.name,
        variant=variant.name,
        title=model.title,
        format=variant.format,
        files=files,
        installed_at=now(),
        source=", ".join(sources) or "the store",
        is_verified=all(file.sha256 is not None for file in variant.files),
        licence=model.licence,
        family=model.family,
        parameters=model.parameters,
        quantisation=variant.quantisation,
        role=model.role,
        summary=model.summary,
        context=model.context,
        template=model.template,
        stop=model.stop,
        sampling=model.sampling,
        registry=model.registry,
    )
