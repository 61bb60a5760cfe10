"""The logs: the end of herd.log and engine.log."""

from __future__ import annotations

import os
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from herd.places import Places
from herd.words import plain
from herd_tui.screens.dialog import Dialog

END = 20_000
"""Bytes of the end of a log that are shown."""


class Logs(Dialog[None]):
    """What herd and llama.cpp wrote down."""

    BINDINGS = [Binding("escape,ctrl+l,q", "dismiss", "Close", show=False)]

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._files = (places.log_file, places.engine_log)

    def compose(self) -> ComposeResult:
        """Both files, one under the other."""
        with Vertical(classes="dialog -large"):
            yield Static("Logs", classes="dialog-title", markup=False)
            with VerticalScroll(id="log-text"):
                for path in self._files:
                    yield Static(Content(f"{path}"), classes="log-name", markup=False)
                    yield Static(Content(plain(end_of(path))), markup=False)
            yield Static("escape closes", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """The newest lines are at the end."""
        text = self.query_one("#log-text", VerticalScroll)
        text.focus()
        text.scroll_end(animate=False)


def end_of(path: Path) -> str:
    """The last lines of a file; a word in place of one that is not there."""
    try:
        with path.open("rb") as stream:
            length = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, length - END))
            text = stream.read().decode(errors="replace")
    except OSError:
        return "nothing was written yet\n"
    return text if length <= END else text.partition("\n")[2]
