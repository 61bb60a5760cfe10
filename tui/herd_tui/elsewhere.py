"""Downloads of the list that are no jobs of this process: another herd runs them, or nobody."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from herd.core import Herd
from herd.download_orders import rest_of
from herd.downloads import Download, Wanted
from herd.errors import HerdError
from herd.job import State
from herd.progress import Progress, Stage


@dataclass(frozen=True)
class Elsewhere:
    """One download as the list told of it; the same one however far it is."""

    name: str
    entry: Download = field(compare=False)
    is_owned: bool = field(compare=False)
    """Whether a living process ran it at that moment."""
    error: HerdError | None = None
    is_over: bool = False

    @property
    def state(self) -> State:
        """Where it is."""
        if not self.is_owned or self.entry.stage == Stage.PAUSED:
            return State.PAUSED
        return State.WAITING if self.entry.stage == Stage.WAITING else State.RUNNING

    @property
    def limit(self) -> int | None:
        """Bytes per second, None for no limit of its own."""
        return self.entry.limit

    @property
    def upload_limit(self) -> int | None:
        """Bytes per second that go out to its swarm, None for no limit of its own."""
        return self.entry.upload_limit

    def progress(self) -> Progress:
        """How far it is."""
        entry = self.entry
        if not self.is_owned:
            rest = rest_of(entry)
            return Progress(rest.stage, entry.done, entry.total, 0.0, rest.why or "herd is gone")
        stage = Stage(entry.stage) if entry.stage in tuple(Stage) else Stage.WAITING
        return Progress(stage, entry.done, entry.total, entry.rate, "elsewhere")


def look(herd: Herd) -> tuple[Elsewhere, ...]:
    """The downloads that this process does not run; none where the list does not read."""
    with suppress(HerdError):
        found = [(each, each.is_owned) for each in herd.downloads.all()]
        return tuple(
            Elsewhere(each.name, each, is_owned)
            for each, is_owned in found
            if not is_owned or each.is_elsewhere
        )
    return ()


def pause(herd: Herd, one: Elsewhere) -> None:
    """Let it rest where it runs, or go on; what nobody runs goes on here."""
    rests = one.state is State.PAUSED
    herd.downloads.want(one.name, Wanted.RUN if rests else Wanted.PAUSE)
    if not one.is_owned:
        herd.restore(one.name)


def move(herd: Herd, one: Elsewhere, by: int) -> None:
    """Give it an earlier or a later turn among those that this process does not run."""
    names = [each.name for each in look(herd)]
    if one.name in names:
        others = [name for name in names if name != one.name]
        at = max(0, names.index(one.name) + by)
        herd.downloads.move(one.name, others[at] if at < len(others) else None)


def cancel(herd: Herd, one: Elsewhere) -> None:
    """End it where it runs; what nobody runs is thrown away here."""
    herd.downloads.want(one.name, Wanted.CANCEL)
    if not one.is_owned:
        for job in herd.restore(one.name):
            job.wait()
        herd.downloads.remove(one.name)
