"""The line at the top: where one is, and what this machine does at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from herd.words import one_line, size
from herd_tui.messages import ShowScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from herd.engine import Ready, State


class Tab(Static):
    """The name of a screen; a click goes there."""

    def __init__(self, name: str, label: str, *, here: bool) -> None:
        super().__init__(Content(f" {label} "), classes="-here" if here else "", markup=False)
        self._target = name

    def on_click(self, event: events.Click) -> None:
        """Go there."""
        event.stop()
        self.post_message(ShowScreen(self._target))


class TopBar(Horizontal):
    """Name, tabs, machine."""

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here
        self._machine = ""

    def compose(self) -> ComposeResult:
        """The parts from left to right."""
        yield Static(Content(" herd "), id="brand", markup=False)
        yield Tab("library", "F2 Library", here=self._here == "library")
        yield Tab("chat", "F3 Chat", here=self._here == "chat")
        yield Static(id="machine", markup=False)

    def show(self, states: Sequence[State], memory: int | None) -> None:
        """Show the machine, and the models that are loaded."""
        words = [f"{size(memory)} memory"] if memory else []
        warm = [state.ready for state in states if state.ready]
        if warm:
            words.append(_loaded(warm[0]))
        if warm[1:]:
            words.append(f"{len(warm) - 1} more loaded")
        machine = one_line(" · ".join(words)) + " "
        if machine != self._machine:
            self._machine = machine
            self.query_one("#machine", Static).update(Content(machine), layout=False)


def _loaded(ready: Ready) -> str:
    where = ready.device
    if 0 < ready.gpu_layers < ready.layers:
        where = f"{where} {ready.gpu_layers}/{ready.layers}"
    return f"{ready.reference} on {where}"
