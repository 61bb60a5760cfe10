"""Installs under way, shown until each is over; and what Ctrl-C does to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from herd.cli.bar import TICK, shown_together
from herd.cli.session import Session
from herd.errors import HerdError, Interrupted
from herd.words import size

if TYPE_CHECKING:
    from herd.jobs import Job
    from herd.model import Installed

PATIENCE = 0.6
"""Seconds that stopped carriers have to come to their end."""


Told = Callable[["Job", HerdError | None], object]
"""Hears of a job that is over, and why it did not bring its model."""


def finish(session: Session, jobs: Iterable[Job], told: Told) -> tuple[HerdError, ...]:
    """Show jobs until all of them are over, and tell of each when it is; why some failed.

    What becomes of one keeps no other from going on. What came faster than its pieces could be
    hashed is installed by then, and gets its table last.

    Raises:
        Interrupted: the person ended them; they are in the list of downloads as paused.
        DigestMismatch: the disk has lost bytes of what was installed.
    """
    left = list(dict.fromkeys(jobs))
    each = tuple(left)
    failures: list[HerdError] = []
    try:
        with shown_together(session, [job.name for job in left]) as show:
            while left:
                left[0].wait(TICK)
                over = [job for job in left if job.is_over]
                for job in left:
                    show(job.name, job.progress())
                for job in over:
                    left.remove(job)
                    told(job, job.error)
                    if job.error:
                        session.complain(job.error)  # while others go on
                        failures.append(job.error)
    except KeyboardInterrupt:
        stopped = _stop(session, left)
        for job in left:
            told(job, None if job.outcome else _interrupted([job]))
        if stopped:
            raise _interrupted(stopped) from None
        return (*failures, *(job.error for job in left if job.error))
    _hash_pieces(session, [job.outcome.installed for job in each if job.outcome])
    return tuple(failures)


def _hash_pieces(session: Session, models: Sequence[Installed]) -> None:
    """Prove what has no piece table yet, which makes it.

    Raises:
        DigestMismatch: the disk has lost bytes meanwhile.
    """
    from herd.verify import hash_pieces, lacking

    store = session.herd.store
    if not (lack := lacking(store, models)):
        return
    from herd.cli.task import done
    from herd.progress import Gauge
    from herd.store.proof import Work

    work = Work(Gauge(), threading.Event())
    try:
        done(
            session,
            "hash its pieces",
            work.gauge,
            work.stop,
            lambda: hash_pieces(store, lack, work),
            is_shown=not session.tells_events,  # that a model is installed is the last event
        )
    except Interrupted:
        session.say("Its pieces, which repair needs, are not hashed; `herd verify` does it, too.")


def _stop(session: Session, jobs: Sequence[Job]) -> list[Job]:
    """End jobs at the person's wish; those that did not come to their end meanwhile.

    All are told before one is waited for: together they take no longer than one.
    """
    end = time.monotonic() + PATIENCE
    stopped = [job for job in jobs if job.wanted != "cancel"]  # that is another end, and on its way
    for job in stopped:
        job.stop()
    for job in stopped:
        session.herd.jobs.stop(job, max(0.0, end - time.monotonic()))
    return [job for job in stopped if job.outcome is None]


def _interrupted(stopped: Sequence[Job]) -> Interrupted:
    said = f"Stopped {', '.join(job.name + _kept(job) for job in stopped)}."
    if any(job.progress().done for job in stopped):
        return Interrupted(said, "The same command goes on there.")
    return Interrupted(said, "Nothing has come yet; the same command begins anew.")


def _kept(job: Job) -> str:
    now = job.progress()
    return f" at {size(now.done)} of {size(now.total)}" if now.done else ""
