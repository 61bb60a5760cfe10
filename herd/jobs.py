"""Installs that run in threads, each with a gauge that can be read and a stop that can be set."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from herd.errors import HerdError, Interrupted
from herd.install import Order, Outcome
from herd.progress import Progress, Stage

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """One install under way; made by Jobs."""

    order: Order
    outcome: Outcome | None = None
    error: HerdError | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The full name of what is being installed."""
        return str(self.order.choice.reference)

    @property
    def is_over(self) -> bool:
        """Whether it ended, well or not."""
        return self._ended.is_set()

    def progress(self) -> Progress:
        """How far it is."""
        return self.order.gauge.read()

    def stop(self) -> None:
        """Ask it to end; what was staged is kept."""
        self.order.stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds; False if it still runs."""
        return self._ended.wait(timeout)


class Jobs:
    """The installs of one process."""

    def __init__(self, install: Callable[[Order], Outcome]) -> None:
        self._install = install
        self._jobs: list[Job] = []
        self._lock = threading.Lock()

    def start(self, order: Order) -> Job:
        """Begin an install; a running one of the same model is returned instead of a second."""
        with self._lock:
            for job in self._jobs:
                if not job.is_over and job.name == str(order.choice.reference):
                    return job
            job = Job(order)
            self._jobs.append(job)
        threading.Thread(
            target=self._run, args=(job,), name=f"install {job.name}", daemon=True
        ).start()
        return job

    def all(self) -> tuple[Job, ...]:
        """Every job of this process, the oldest first."""
        with self._lock:
            return tuple(self._jobs)

    def running(self) -> tuple[Job, ...]:
        """The jobs that have not ended."""
        return tuple(job for job in self.all() if not job.is_over)

    def forget(self, job: Job) -> None:
        """Take an ended job off the list."""
        with self._lock:
            if job.is_over and job in self._jobs:
                self._jobs.remove(job)

    def close(self, timeout: float = 5.0) -> None:
        """Stop every job and wait for them, at most `timeout` seconds for each."""
        for job in self.running():
            job.stop()
        for job in self.all():
            job.wait(timeout)

    def _run(self, job: Job) -> None:
        gauge = job.order.gauge
        try:
            job.outcome = self._install(job.order)
        except Interrupted as error:
            job.error = error
            gauge.begin(Stage.STOPPED, gauge.read().total, gauge.read().done)
        except HerdError as error:
            job.error = error
            gauge.begin(Stage.FAILED, note=error.message)
        except Exception as error:  # the top of a thread: nobody above would see it
            log.exception("install of %s", job.name)
            job.error = HerdError(
                f"Installing {job.name} failed: {error}.", "herd.log has the details."
            )
            gauge.begin(Stage.FAILED, note=job.error.message)
        finally:
            job._ended.set()  # noqa: SLF001  # Jobs is the one that ends a Job
