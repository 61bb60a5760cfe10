"""Work that takes a while and has a bar: escape stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from herd.progress import Gauge, Progress
from herd.words import duration, one_line, rate, size
from herd_tui.cells import bar
from herd_tui.messages import WorkDone, WorkFailed
from herd_tui.screens.dialog import Dialog
from herd_tui.work import beside

GLANCE = 0.2
"""Seconds between two looks at the gauge."""
_BAR = 30

Made = TypeVar("Made")


class ProgressDialog(Dialog[Made | None], Generic[Made]):
    """Gives back what the work came to; None if it was stopped or failed, which the app tells."""

    BINDINGS = [Binding("escape", "stop", "Stop", show=False)]

    def __init__(self, title: str, work: Callable[[Gauge, threading.Event], Made]) -> None:
        """Begin once it is seen.

        Args:
            title: What is done.
            work: Does it in a thread; moves the gauge, and ends when the event is set.
        """
        super().__init__()
        self._title, self._work = title, work
        self._gauge, self._stop = Gauge(), threading.Event()

    def compose(self) -> ComposeResult:
        """Title, bar, button."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._title), classes="dialog-title", markup=False)
            yield Static(Content(""), id="work-bar", classes="dialog-text", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Stop (esc)", id="stop", compact=True)

    def on_mount(self) -> None:
        """Begin."""
        self.set_interval(GLANCE, self._glance)
        beside(self, lambda: self._work(self._gauge, self._stop), self.dismiss, group="work")

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        self._stop.set()

    def action_stop(self) -> None:
        """Ask it to end."""
        self._stop.set()
        self.query_one("#stop", Button).label = "It stops…"

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_stop()

    @on(WorkDone)
    def _go_on(self, event: WorkDone) -> None:
        event.stop()
        event.then()

    @on(WorkFailed)
    def _fail(self) -> None:
        self.dismiss(None)

    def _glance(self) -> None:
        self.query_one("#work-bar", Static).update(line(self._gauge.read()))


def line(progress: Progress) -> Content:
    """A bar, how far, how fast, how long yet, and what it does."""
    full, empty = bar(progress.fraction, _BAR)
    numbers = ""
    if progress.fraction is not None:
        numbers = f"  {100 * progress.fraction:.0f} % of {size(progress.total)}"
        if progress.rate:
            numbers += f", {rate(progress.rate)}, {duration(progress.seconds_left)}"
    note = f": {one_line(progress.note)}" if progress.note else ""
    return Content.assemble(
        (full, "$primary"), (empty, "dim"), numbers, (f"\n{progress.stage}{note}", "dim")
    )
