"""The line at the top: where one is, and what this machine does at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from herd.words import one_line, size
from herd_tui.cells import cell
from herd_tui.messages import ShowScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from herd.engine import Ready, State


BRAND = " herd  "
TABS = {"library": " F2 Library ", "chat": " F3 Chat "}


class TopBar(Widget, can_focus=False):
    """Name, tabs, machine, drawn as one widget; a click on a tab goes there."""

    ALLOW_SELECT = False

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here
        self._machine = ""

    def render(self) -> Content:
        """The parts from left to right."""
        tabs = [
            (text, "$foreground bold reverse" if name == self._here else "")
            for name, text in TABS.items()
        ]
        left = Content.assemble((BRAND, "$primary bold"), *tabs, "  ")
        width = self.size.width - left.cell_length
        machine = cell(self._machine, min(width, cell_len(self._machine)))
        return left.append(cell(machine, width, right=True))

    def on_click(self, event: events.Click) -> None:
        """Go where the tab leads that was clicked."""
        event.stop()
        x = event.x - cell_len(BRAND)
        for name, text in TABS.items():
            if 0 <= x < cell_len(text):
                self.post_message(ShowScreen(name))
            x -= cell_len(text)

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
            self.refresh()


def _loaded(ready: Ready) -> str:
    where = ready.device
    if 0 < ready.gpu_layers < ready.layers:
        where = f"{where} {ready.gpu_layers}/{ready.layers}"
    return f"{ready.reference} on {where}"
