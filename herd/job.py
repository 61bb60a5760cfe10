"""One install under way, as front ends see it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum

from herd.downloads import Wanted
from herd.errors import HerdError
from herd.install import Order, Outcome
from herd.progress import Progress, Stage


class State(StrEnum):
    """Where a job is; the words are shown as they are."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    OVER = "over"


@dataclass(frozen=True)
class Rest:
    """As what a job rests: paused, or failed in an earlier process."""

    stage: Stage = Stage.PAUSED
    why: str = ""
    """Why, where that was not the person's wish."""


@dataclass(eq=False)
class Job:
    """An install; made and moved on by Jobs."""

    order: Order
    outcome: Outcome | None = None
    error: HerdError | None = None
    state: State = State.WAITING
    wanted: Wanted = Wanted.RUN
    """What the person wants of it."""
    is_stopped: bool = False
    """Whether it is to end, and not only to rest."""
    is_held: bool = False
    """Whether the rules, and not the person, make it wait."""
    rest: Rest = Rest()
    """As what it rests while nobody lets it run."""
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The full name of what is being installed."""
        return str(self.order.choice.reference)

    @property
    def is_over(self) -> bool:
        """Whether it ended, well or not."""
        return self._ended.is_set()

    @property
    def is_paused(self) -> bool:
        """Whether it waits for the person."""
        return self.state is State.PAUSED

    @property
    def limit(self) -> int | None:
        """Bytes per second, None for no limit of its own."""
        return self.order.budget.limit

    @property
    def upload_limit(self) -> int | None:
        """Bytes per second that go out to its swarm, None for no limit of its own."""
        out = self.order.budget.out
        return out.limit if out else None

    def set_limits(self, limit: int | None, upload_limit: int | None) -> None:
        """Limit what comes and what goes out, in bytes per second; None: no limit of its own."""
        budget = self.order.budget
        if limit != budget.limit:
            budget.set(limit)
            self.order.gauge.pace_anew()
        if budget.out is not None and upload_limit != budget.out.limit:
            budget.out.set(upload_limit)

    def progress(self) -> Progress:
        """How far it is."""
        return self.order.gauge.read()

    def stop(self) -> None:
        """Ask it to end; what was staged is kept, and the list keeps it as paused."""
        self.wanted, self.is_stopped = Wanted.PAUSE, True
        self.order.stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds; False if it still runs."""
        return self._ended.wait(timeout)

    def show(self, stage: Stage, note: str = "") -> None:
        """Say on the gauge why nothing moves; the bytes stay as they are."""
        now = self.progress()
        if (now.stage, now.note) != (stage, note):
            self.order.gauge.begin(stage, now.total, now.done, note)

    def end(self, error: HerdError | None = None) -> None:
        """It is over."""
        self.error = self.error or error
        self.state = State.OVER
        self._ended.set()
