"""Models that are loaded, each in a process of its own, and which of them leave for another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from herd.engine.exchange import Exchange
from herd.engine.memory import Held, held_by
from herd.engine.process import Process
from herd.engine.values import Ready


class Phase(StrEnum):
    """What a model is doing."""

    LOADING = "loading"
    READY = "ready"
    READING = "reading"
    """The prompt."""
    TALKING = "talking"
    BROKEN = "broken"
    """It could not be loaded, or its process died; the next question tries again."""


@dataclass(frozen=True)
class State:
    """What there is to see of one model at one moment."""

    reference: str
    phase: Phase
    fraction: float | None = None
    """From 0 to 1: how much of the file is loaded, or of the prompt is read."""
    reason: str | None = None
    """Why it is broken."""
    ready: Ready | None = None
    """How it was loaded."""
    memory: int = 0
    """Bytes that its process holds."""
    idle: float = 0.0
    """Seconds since it was last used."""
    leaves_in: float | None = None
    """Seconds until it leaves if nobody uses it; None: it stays."""


@dataclass(eq=False)
class Resident:
    """A model in its process. Only the engine changes it."""

    reference: str
    key: object
    """What must be the same for a question to go to this one."""
    process: Process
    keeps: float | None
    """Seconds that it stays without being used; None: as long as there is room."""
    phase: Phase = Phase.LOADING
    fraction: float | None = None
    ready: Ready | None = None
    used: float = field(default_factory=time.monotonic)
    held: Held = field(default_factory=Held)
    left: Exchange | None = None
    """An answer that was stopped, if its process may still be busy with it."""

    @property
    def is_warm(self) -> bool:
        """Whether it can answer without being loaded."""
        return self.ready is not None and self.process.is_alive

    @property
    def is_busy(self) -> bool:
        """Whether somebody is being served by it."""
        return self.phase is not Phase.READY

    def is_over(self, now: float) -> bool:
        """Whether nobody has used it for longer than it stays."""
        return not self.is_busy and self.keeps is not None and now - self.used >= self.keeps

    def begin(self, phase: Phase, fraction: float | None = None) -> None:
        """It does this from now on."""
        self.phase, self.fraction = phase, fraction

    def rest(self) -> None:
        """It is done, and measured."""
        self.begin(Phase.READY)
        self.used = time.monotonic()
        self.held = held_by(self.process.pid)

    @property
    def state(self) -> State:
        """What there is to see of it now."""
        idle = 0.0 if self.is_busy else time.monotonic() - self.used
        leaves = None if self.keeps is None or self.is_busy else max(0.0, self.keeps - idle)
        held = self.held.total or held_by(self.process.pid).total
        return State(
            self.reference,
            self.phase,
            self.fraction,
            ready=self.ready,
            memory=held,
            idle=idle,
            leaves_in=leaves,
        )


def leavers(residents: Sequence[Resident], needed: int, available: int) -> list[Resident]:
    """Who must leave for a model that needs so much memory: the least recently used first.

    Files that are mapped are available in the system's eyes, yet a model whose file has to
    be read again is not warm. So what the others have mapped is not counted as free.

    Args:
        residents: Those that are loaded.
        needed: Bytes that the new one will take.
        available: Bytes that the system calls available.
    """
    room = available - sum(each.held.mapped for each in residents)
    leaving = []
    for each in sorted(residents, key=lambda one: one.used):
        if room >= needed:
            break
        leaving.append(each)
        room += each.held.total
    return leaving
