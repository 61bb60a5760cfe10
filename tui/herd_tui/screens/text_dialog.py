"""A text to be read, and closed."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from herd.words import plain
from herd_tui.screens.dialog import Dialog


class TextDialog(Dialog[None]):
    """What was done."""

    BINDINGS = [Binding("escape,enter,q", "dismiss", "Close", show=False)]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Title and text."""
        with Vertical(classes="dialog -wide"):
            yield Static(Content(self._title), classes="dialog-title", markup=False)
            with VerticalScroll(id="told"):
                yield Static(Content(plain(self._text)), markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Close (enter)", compact=True)

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss()
