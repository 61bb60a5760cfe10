"""Installs that run in threads: paused, limited, moved and cancelled at will; they outlive a quit.

Theory of operation. A job waits, runs, is paused, or is over. One thread, the conductor,
looks four times a second: it reads what is wanted of each job (by this process or, in the
list of downloads, by another one), asks the rules whether anything may run now and how
fast, and lets the first waiting jobs run. A pause ends the job's own thread, which keeps
what was staged; going on is a new run of the same order. So a paused job holds nothing
open, and a quit is a pause that the next process ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from herd.chatting import Chatting
from herd.downloads import Asked, Downloads, Wanted
from herd.errors import HerdError, Interrupted, SourceRefused
from herd.install import Order, Outcome
from herd.job import Job, Rest, State
from herd.metered import Metered
from herd.own_downloads import Limits, OwnDownloads
from herd.progress import Stage
from herd.rules import Rules
from herd.transfer import Budget

__all__ = ["Job", "Jobs", "State"]

log = logging.getLogger(__name__)

_TICK = 0.25


class Jobs:
    """The installs of one process."""

    def __init__(
        self,
        install: Callable[[Order], Outcome],
        downloads: Downloads | None = None,
        rules: Rules | None = None,
        discard: Callable[[Order], None] = lambda _: None,
        chatting: Chatting | None = None,
    ) -> None:
        """Runs nothing yet.

        Args:
            install: Does one; raises Interrupted when its order's stop is set.
            downloads: The list that outlives this process; None: nothing does.
            rules: When and how fast; None: all at once, without limit.
            discard: Throws away what was staged for an order that was cancelled.
            chatting: Which other processes answer; None: nobody asks them.
        """
        self._install = install
        self._own_downloads = OwnDownloads(downloads)
        self._rules = rules or Rules(at_once=1 << 30, pauses_metered=False)
        self._discard = discard
        self.budget = Budget()
        """What all of them may move."""
        self.budget.out = self._out = Budget(self._rules.upload_limit or None)
        self._jobs: list[Job] = []
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._conductor: threading.Thread | None = None
        self._answers = 0
        self._chatting, self._is_chat_elsewhere = chatting, False
        self._moves = 0  # an order that was read before one is not the order any more
        self._asked_limit: int | None = None
        self._metered = Metered()

    def start(
        self,
        order: Order,
        asked: Asked | None = None,
        wanted: Wanted = Wanted.RUN,
        rest: Rest = Rest(),  # noqa: B008  # frozen
    ) -> Job:
        """Begin an install; one of the same model that is not over is returned instead.

        Args:
            order: What to install.
            asked: What the person asked for; without it the job is not in the list.
            wanted: Whether it may run, or rests at first.
            rest: As what it rests then.
        """
        self._ask_whether_metered()
        with self._lock:
            for job in self.running():
                if job.name == str(order.choice.reference):
                    self.resume(job)
                    return job
            budget = Budget(order.budget.limit, self.budget)
            budget.out = Budget(None, self._out)
            job = Job(replace(order, budget=budget))
            if job.progress().total is None:
                job.order.gauge.begin(Stage.WAITING, order.choice.variant.size)
            job.wanted, job.rest = wanted, rest
            self._own_downloads.enter(job, asked)
            self._jobs.append(job)
            self._heed(self._own_downloads.read(())[1])  # not a byte comes faster than is allowed
            self._conduct()
            if self._conductor is None:
                self._conductor = threading.Thread(
                    target=self._run_conductor, name="herd-jobs", daemon=True
                )
                self._conductor.start()
        return job

    def all(self) -> tuple[Job, ...]:
        """Every job of this process in the order of its turn."""
        with self._lock:
            return tuple(self._jobs)

    def running(self) -> tuple[Job, ...]:
        """The jobs that have not ended: those that wait or are paused, too."""
        return tuple(job for job in self.all() if not job.is_over)

    def pause(self, job: Job) -> None:
        """Let a job rest; what was staged is kept."""
        self._want(job, Wanted.PAUSE)

    def resume(self, job: Job) -> None:
        """Let a paused job go on when its turn comes."""
        self._want(job, Wanted.RUN)

    def cancel(self, job: Job) -> None:
        """End a job and throw away what was staged."""
        self._want(job, Wanted.CANCEL)

    def stop(self, job: Job, patience: float) -> None:
        """End a job for now. Where it hangs (a slow disk), it counts as killed after `patience`."""
        job.stop()
        if not job.wait(patience):
            with self._lock:
                if not job.is_over:
                    self._stop(job, Interrupted(f"{job.name} was stopped."))

    def set_limit(self, limit: int | None, job: Job | None = None) -> None:
        """Limit a job, or all of them together, in bytes per second; None: no limit."""
        self._own_downloads.limit(limit, job)
        if job is not None:
            job.set_limits(limit, job.upload_limit)
        else:
            self._asked_limit = limit or 0
            self._wake.set()

    def set_upload_limit(self, limit: int | None, job: Job | None = None) -> None:
        """Limit what goes out to the swarm of a job, or to those of all; None: no limit."""
        self._own_downloads.limit_upload(limit, job)
        if job is not None:
            job.set_limits(job.limit, limit)
        else:
            self._out.set(limit)

    @property
    def upload_limit(self) -> int | None:
        """Bytes per second that go out to the swarms of all of them together."""
        return self._out.limit

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """Bytes per second of all of them together: always, and while a model answers."""
        with self._lock:
            return (
                self._rules.limit_now(is_chatting=False, asked=self._asked_limit),
                self._rules.chatting_limit or None,
            )

    def set_chatting_limit(self, limit: int | None) -> None:
        """Limit all of them while a model answers, from now on in this process; None: as else."""
        with self._lock:
            self._rules = replace(self._rules, chatting_limit=limit or 0)
        self._wake.set()

    def move(self, job: Job, before: Job | None) -> None:
        """Put a job before another one, or last."""
        with self._lock:
            if job not in self._jobs:
                return
            self._jobs.remove(job)
            at = self._jobs.index(before) if before in self._jobs else len(self._jobs)
            self._jobs.insert(at, job)
            self._own_downloads.move(job, before)
            self._moves += 1
        self._wake.set()

    def forget(self, job: Job) -> None:
        """Take an ended job off the list."""
        with self._lock:
            if job.is_over and job in self._jobs:
                self._jobs.remove(job)

    @contextmanager
    def while_chatting(self) -> Iterator[None]:
        """A model answers: the limit for that holds meanwhile."""
        self._answering(1)
        try:
            yield
        finally:
            self._answering(-1)

    def close(self, timeout: float = 5.0) -> None:
        """Stop every job and wait for them, at most `timeout` seconds for each.

        What was to run goes on with the next process that restores the list.
        """
        with self._lock:
            self._closed.set()
            self._wake.set()
            for job in self.running():
                job.order.stop.set()
                if job.state is not State.RUNNING:
                    self._stop(job, Interrupted(f"{job.name} was stopped."))
        for job in self.all():
            job.wait(timeout)
        if self._conductor is not None:
            self._conductor.join(timeout)

    def _want(self, job: Job, wanted: Wanted) -> None:
        with self._lock:
            if not job.is_over:
                self._own_downloads.want(job, wanted)
                job.wanted = wanted
                self._conduct()

    def _answering(self, step: int) -> None:
        with self._lock:
            self._answers += step
            if self._chatting is not None and step > 0 and self._answers == 1:
                self._chatting.begin()
            if self._chatting is not None and self._answers == 0:
                self._chatting.end()
            self._conduct()

    def _run_conductor(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(_TICK)
            self._wake.clear()
            try:
                self._look_around()
            except Exception:  # the top of a thread: without it no job would begin any more
                log.exception("conducting")

    def _look_around(self) -> None:
        moves = self._moves
        jobs, limits = self._own_downloads.read(self.all())
        self._ask_whether_metered()
        with self._lock:
            self._heed(limits)
            if moves == self._moves:
                self._jobs.sort(key=lambda job: jobs.index(job) if job in jobs else len(jobs))
            self._conduct()
        self._own_downloads.write(self.running())

    def _heed(self, limits: Limits) -> None:
        """Take over what other processes say of all downloads together; under the lock."""
        if self._chatting is not None and self._rules.chatting_limit:
            self._is_chat_elsewhere = self._chatting.is_elsewhere
        self._asked_limit = self._asked_limit if limits.down is None else limits.down
        if limits.up is not None and (limits.up or None) != self._out.limit:
            self._out.set(limits.up or None)

    def _conduct(self) -> None:
        """Bring every job where it should be; under the lock."""
        if self._closed.is_set():
            return
        is_chatting = self._answers > 0 or self._is_chat_elsewhere
        limit = self._rules.limit_now(is_chatting=is_chatting, asked=self._asked_limit)
        if limit != self.budget.limit:
            self.budget.set(limit)
            for job in self.running():
                job.order.gauge.pace_anew()
        why_not = self._rules.why_not(datetime.now().time(), is_metered=self._metered.was)
        for job in self.running():
            self._settle(job, why_not)
        free = self._rules.at_once - sum(job.state is State.RUNNING for job in self._jobs)
        for job in self._jobs:
            if job.state is State.WAITING and why_not is None and free > 0:
                free -= 1
                self._begin(job)

    def _settle(self, job: Job, why_not: str | None) -> None:
        """What the person and the rules want of one job, as far as it needs no free place."""
        job.is_held = why_not is not None
        if job.state is State.RUNNING:
            if job.wanted is not Wanted.RUN or job.is_held:
                job.order.stop.set()
        elif job.is_stopped:
            self._stop(job, Interrupted(f"{job.name} was stopped.", "The same command goes on."))
        elif job.wanted is Wanted.CANCEL:
            self._drop(job)
        elif job.wanted is Wanted.PAUSE:
            job.state = State.PAUSED
            job.show(job.rest.stage, job.rest.why)
        else:
            job.state = State.WAITING
            job.show(Stage.WAITING, why_not or "others come first")

    def _begin(self, job: Job) -> None:
        job.order, job.rest = replace(job.order, stop=threading.Event()), Rest()
        job.state = State.RUNNING
        job.show(Stage.WAITING)
        threading.Thread(
            target=self._run, args=(job,), name=f"install {job.name}", daemon=True
        ).start()

    def _run(self, job: Job) -> None:
        try:
            job.outcome = self._install(job.order)
        except Interrupted as error:
            self._rest(job, error)
        except HerdError as error:
            self._fail(job, error)
        except Exception as error:  # the top of a thread: nobody above would see it
            log.exception("install of %s", job.name)
            words = f"Installing {job.name} failed: {error}."
            self._fail(job, HerdError(words, "herd.log has the details."))
        else:
            self._own_downloads.strike(job)
            job.end()
        self._wake.set()

    def _rest(self, job: Job, error: Interrupted) -> None:
        """A run was interrupted: by whom decides what becomes of the job."""
        with self._lock:
            if job.is_stopped or self._closed.is_set():
                self._stop(job, error)
            else:
                job.state = State.WAITING
                self._conduct()

    def _stop(self, job: Job, error: Interrupted) -> None:
        job.show(Stage.STOPPED)
        self._own_downloads.leave(job, job.wanted)
        job.end(error)

    def _fail(self, job: Job, error: HerdError) -> None:
        job.show(Stage.FAILED, error.message)
        if isinstance(error, SourceRefused) and not job.progress().done:
            self._own_downloads.strike(job)  # nothing of it is here, and nothing would go on
        else:
            self._own_downloads.leave(job, Wanted.PAUSE)
        job.end(error)

    def _drop(self, job: Job) -> None:
        try:
            self._discard(job.order)
        except HerdError as error:
            log.warning("%s", error.message)
        self._own_downloads.strike(job)
        job.show(Stage.STOPPED)
        job.end(Interrupted(f"{job.name} was cancelled.", "Nothing of it is kept."))

    def _ask_whether_metered(self) -> None:
        if self._rules.pauses_metered:
            self._metered.ask()
