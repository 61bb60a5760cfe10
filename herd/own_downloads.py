"""The jobs of this process in the list of downloads. Where there is no list, nothing happens.

The list is a convenience: when it does not read or write, downloads go on without it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from herd.downloads import Asked, Download, Downloads, Wanted
from herd.errors import HerdError
from herd.job import Job
from herd.progress import Stage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Bytes per second of all downloads together, as the list has them; None: nobody said."""

    down: int | None = None
    up: int | None = None


class OwnDownloads:
    """What Jobs writes and reads. A download that another process runs is left to that."""

    def __init__(self, downloads: Downloads | None) -> None:
        self._downloads = downloads
        self._asked: dict[str, Asked] = {}
        """What the person asked for, by the name of the job."""
        self._own: set[str] = set()
        """The names of those that this process has in the list."""
        self._told: dict[str, Download] = {}
        """What the list says of them by now."""

    def enter(self, job: Job, asked: Asked | None) -> None:
        """Put a job in, with the limit that an earlier process gave it."""
        if self._downloads is not None and asked is not None:
            self._asked[job.name] = asked
            with _forgiven():
                there = self._downloads.find(job.name)
                if there is None or not there.is_elsewhere:
                    self._take(self._downloads, job)

    def want(self, job: Job, wanted: Wanted) -> None:
        """Write what is wanted of a job."""
        if self._downloads is not None and job.name in self._own:
            with _forgiven():
                self._downloads.want(job.name, wanted)

    def limit(self, limit: int | None, job: Job | None) -> None:
        """Write the limit of a job, or that of all together (0: none)."""
        if self._downloads is not None:
            with _forgiven():
                if job is None:
                    self._downloads.limit = limit or 0
                elif job.name in self._own:
                    self._downloads.set_limit(job.name, limit)

    def limit_upload(self, limit: int | None, job: Job | None) -> None:
        """Write the limit of what goes out of a job, or of all together (0: none)."""
        if self._downloads is not None:
            with _forgiven():
                if job is None:
                    self._downloads.upload_limit = limit or 0
                elif job.name in self._own:
                    self._downloads.set_upload_limit(job.name, limit)

    def move(self, job: Job, before: Job | None) -> None:
        """Write the place of a job."""
        if self._downloads is not None:
            with _forgiven():
                self._downloads.move(job.name, before.name if before else None)

    def read(self, jobs: Sequence[Job]) -> tuple[list[Job], Limits]:
        """Take over what any process wrote; the jobs in the order of the list, and its limits."""
        if self._downloads is not None:
            with _forgiven():
                entries = {entry.name: entry for entry in self._downloads.all()}
                for job in jobs:
                    if not job.is_over and not job.is_stopped:
                        self._read(self._downloads, job, entries.get(job.name))
                last = float("inf")
                ordered = sorted(
                    jobs, key=lambda job: entries[job.name].place if job.name in entries else last
                )
                return ordered, Limits(self._downloads.limit, self._downloads.upload_limit)
        return list(jobs), Limits()

    def write(self, jobs: Sequence[Job]) -> None:
        """Say how far the jobs are, those that rest too."""
        if self._downloads is not None:
            with _forgiven():
                for job in jobs:
                    if job.name in self._own:
                        self._tell(self._downloads, job)

    def leave(self, job: Job, wanted: Wanted) -> None:
        """A job ended without its model: another process, or the next one, may go on."""
        if self._downloads is not None and job.name in self._own:
            with _forgiven():
                self._downloads.report(_line(job))
                self._downloads.let_go(job.name, wanted)
        self._own.discard(job.name)

    def strike(self, job: Job) -> None:
        """A job is done for good."""
        if self._downloads is not None and job.name in self._own:
            with _forgiven():
                self._downloads.remove(job.name)
        self._own.discard(job.name)

    def _read(self, downloads: Downloads, job: Job, entry: Download | None) -> None:
        if job.name in self._own and entry is not None:
            job.wanted = entry.wanted
            job.set_limits(entry.limit, entry.upload_limit)
        elif entry is not None and entry.is_elsewhere:
            note = "another herd is installing this model"
            if job.progress().note == note:  # and this one waits for it
                job.order.gauge.begin(Stage.WAITING, entry.total, entry.done, note)
        elif job.name in self._asked and job.name not in self._own and entry is not None:
            self._take(downloads, job)  # the other one is gone

    def _tell(self, downloads: Downloads, job: Job) -> None:
        now = _line(job)
        if self._told.get(job.name) != now:
            downloads.report(now)
            self._told[job.name] = now

    def _take(self, downloads: Downloads, job: Job) -> None:
        self._own.add(job.name)
        self._told.pop(job.name, None)
        kept = downloads.put(job.name, self._asked[job.name], job.wanted)
        job.set_limits(kept.limit, kept.upload_limit)


@contextmanager
def _forgiven() -> Iterator[None]:
    try:
        yield
    except HerdError as error:
        log.warning("%s", error.message)


def _line(job: Job) -> Download:
    now = job.progress()
    return Download(
        job.name,
        Asked(""),
        stage=str(now.stage),
        done=now.done,
        total=now.total,
        rate=now.rate,
        note=now.note,
    )
