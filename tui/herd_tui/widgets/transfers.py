"""The transfers pane: a line for each install, hidden while there is none.

The gauges are read on a clock; nothing that a transfer does reaches the screen by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from herd_tui.commands import Scope, bindings

if TYPE_CHECKING:
    from herd.job import Job
    from herd_tui.elsewhere import Elsewhere


class Limited(StrEnum):
    """What a limit is of."""

    ALL = "all"
    CHATTING = "chatting"
    """All, while a model answers."""
    UPLOAD = "upload"
    """What goes out of all."""
    ONE = "one"
    UPLOAD_ONE = "upload one"
    """What goes out of one."""


class JobLine(Static):
    """One install."""

    def __init__(self, job: Job | Elsewhere) -> None:
        super().__init__(markup=False)
        self.job = job
        self._drawn: Content | None = None

    def draw(self, *, here: bool) -> None:
        """Read the gauge and show it, where it is not on the screen already."""
        from herd_tui.job_line import Limits, line

        width = max(40, self.size.width or 80)
        limits = Limits(self.job.limit, self.job.upload_limit)
        text = line(self.job.name, self.job.progress(), width, limits, here=here)
        if self._drawn is None or not text.is_same(self._drawn):
            self._drawn = text
            self.update(text, layout=False)


class TransfersPane(Vertical, can_focus=True):
    """The installs of this process, and behind them those of others."""

    SCOPE: ClassVar[Scope] = Scope.TRANSFERS
    BINDINGS = bindings(Scope.TRANSFERS)
    cursor: reactive[int] = reactive(0)

    @dataclass
    class Pause(Message):
        """Let this install rest, or go on."""

        job: Job | Elsewhere

    @dataclass
    class Cancel(Message):
        """End this install; nothing of it is kept."""

        job: Job | Elsewhere

    @dataclass
    class Move(Message):
        """Give this install an earlier or a later turn."""

        job: Job | Elsewhere
        by: int

    @dataclass
    class Retry(Message):
        """Try this install again."""

        job: Job

    @dataclass
    class Limit(Message):
        """Limit all installs together, or one."""

        of: Limited = Limited.ALL
        job: Job | Elsewhere | None = None
        """The one."""

    @dataclass
    class Dismiss(Message):
        """Forget the installs that ended."""

    @dataclass
    class Left(Message):
        """The person is done here."""

    def __init__(self) -> None:
        super().__init__()
        self._state: tuple[tuple[str, str], ...] = ()
        """What decides which commands there are; the footer is costly to make anew."""
        self._title = "Transfers"

    def compose(self) -> ComposeResult:
        """A title and the lines."""
        yield Static("Transfers", id="transfers-title", markup=False)
        yield VerticalScroll(id="transfers-lines", can_focus=False)

    def on_mount(self) -> None:
        """Nothing is under way yet."""
        self.display = False

    def show(
        self, jobs: tuple[Job | Elsewhere, ...], limits: tuple[int | None, int | None]
    ) -> None:
        """Show these installs as they are at this moment.

        Args:
            jobs: The installs.
            limits: Bytes per second of all of them: always, and while a model answers.
        """
        lines = self._lines()
        if {line.job for line in lines} != set(jobs):
            self._replace(jobs)
            lines = self._lines()
        for line, job in zip(lines, jobs, strict=False):
            line.job = job
        self.display = bool(jobs)
        self.cursor = max(0, min(self.cursor, len(jobs) - 1))
        for at, line in enumerate(lines):
            line.draw(here=self.has_focus and at == self.cursor)
        if jobs:
            self._show_title(jobs, limits)
        state = tuple((job.name, f"{job.state} {_has_failed(job)}") for job in jobs)
        if state != self._state:
            self._state = state
            self.refresh_bindings()

    def _show_title(
        self, jobs: tuple[Job | Elsewhere, ...], limits: tuple[int | None, int | None]
    ) -> None:
        from herd_tui.job_line import title

        rates = [job.progress().rate for job in jobs if job.state == "running"]
        text = title(rates, *limits)
        if text != self._title:
            self._title = text
            self.query_one("#transfers-title", Static).update(Content(text))

    @property
    def current(self) -> Job | Elsewhere | None:
        """The install under the cursor."""
        lines = self._lines()
        return lines[self.cursor].job if self.cursor < len(lines) else None

    @property
    def _own(self) -> Job | None:
        """The install under the cursor, if this process runs it."""
        if (job := self.current) is None:
            return None
        from herd.job import Job

        return job if isinstance(job, Job) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the install under the cursor allows."""
        job = self.current
        if action in ("cancel", "pause", "earlier", "later", "limit_one", "limit_upload_one"):
            return job is not None and not job.is_over
        if action == "retry":
            return job is not None and _has_failed(job)
        if action == "dismiss":
            return any(_has_failed(line.job) or line.job.is_over for line in self._lines())
        return True

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is."""
        for at, line in enumerate(self._lines()):
            if line.region.contains(event.screen_x, event.screen_y):
                self.cursor = at

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor = max(0, min(len(self._lines()) - 1, self.cursor + by))

    def action_pause(self) -> None:
        """Pause it, or let it go on."""
        if self.current:
            self.post_message(self.Pause(self.current))

    def action_earlier(self) -> None:
        """An earlier turn."""
        self._move_job(-1)

    def action_later(self) -> None:
        """A later turn."""
        self._move_job(1)

    def _move_job(self, by: int) -> None:
        lines, to = self._lines(), self.cursor + by
        # Ones own stand before those of others, whatever their turn is.
        if self.current and 0 <= to < len(lines) and type(lines[to].job) is type(self.current):
            self.post_message(self.Move(self.current, by))
            self.action_move(by)

    def action_cancel(self) -> None:
        """End the install under the cursor."""
        if self.current:
            self.post_message(self.Cancel(self.current))

    def action_retry(self) -> None:
        """Try it again; what failed in an earlier process rests, and goes on."""
        if self._own and self._own.is_over:
            self.post_message(self.Retry(self._own))
        else:
            self.action_pause()

    def action_limit(self) -> None:
        """Limit all of them."""
        self.post_message(self.Limit())

    def action_limit_chatting(self) -> None:
        """Limit all of them while a model answers."""
        self.post_message(self.Limit(Limited.CHATTING))

    def action_limit_upload(self) -> None:
        """Limit what goes out."""
        self.post_message(self.Limit(Limited.UPLOAD))

    def action_limit_one(self) -> None:
        """Limit the one under the cursor."""
        if self.current:
            self.post_message(self.Limit(Limited.ONE, self.current))

    def action_limit_upload_one(self) -> None:
        """Limit what goes out of the one under the cursor."""
        if self.current:
            self.post_message(self.Limit(Limited.UPLOAD_ONE, self.current))

    def action_dismiss(self) -> None:
        """Forget those that ended."""
        self.post_message(self.Dismiss())

    def action_back(self) -> None:
        """Give the focus back."""
        self.post_message(self.Left())

    def _lines(self) -> list[JobLine]:
        return list(self.query(JobLine))

    def _replace(self, jobs: tuple[Job | Elsewhere, ...]) -> None:
        """Take away the lines of forgotten installs, add those of new ones."""
        there = {line.job: line for line in self._lines()}
        for job, line in there.items():
            if job not in jobs:
                line.remove()
        box = self.query_one("#transfers-lines")
        box.mount_all([JobLine(job) for job in jobs if job not in there])


def _has_failed(job: Job | Elsewhere) -> bool:
    """Whether it ended or rests because nobody could deliver it."""
    return (job.is_over and job.error is not None) or job.progress().stage == "failed"
