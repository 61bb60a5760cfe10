"""The help screen: made from the commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from herd_tui.commands import Command, Scope, of_scope
from herd_tui.screens.dialog import Dialog

if TYPE_CHECKING:
    from herd_tui.app import HerdApp

INTRODUCTION = (
    "Type to filter the library; enter installs a model, or opens a chat with it when it is here. "
    "In a chat, enter sends and shift+enter or ctrl+j breaks the line. "
    "ctrl+o lets another model answer from now on; the conversation stays.\n"
)

OTHER_KEYS = (
    "A table [keys] in config.toml gives a command another key, by its name there: "
    '"chat.stop" = "ctrl+x". These are the names.\n'
)


class Help(Dialog[None]):
    """Every key and what it does."""

    BINDINGS = [Binding("escape,f1,q", "dismiss", "Close", show=False)]

    def compose(self) -> ComposeResult:
        """One long text that scrolls."""
        with Vertical(classes="dialog -large"):
            yield Static("Help", classes="dialog-title", markup=False)
            with VerticalScroll(id="help-text"):
                yield Static(Content.assemble(*self._lines()), markup=False)
            yield Static("escape closes", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """The text scrolls with the arrow keys."""
        self.query_one("#help-text").focus()

    def _key(self, command: Command) -> str:
        """The key that the person chose, else the one that was declared."""
        key = cast("HerdApp", self.app).herd.config.keys.get(command.id, command.key)
        return self.app.get_key_display(command.binding.with_key(key)) if key else ""

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield INTRODUCTION, ""
        for scope in Scope:
            yield f"\n{scope}\n", "bold"
            for command in of_scope(scope):
                key = self._key(command)
                slash = f"/{command.slash}" if command.slash else ""
                yield f"{key:>9} ", "$text-accent"
                yield f"{slash:<9} ", "dim"
                yield f"{command.help}\n", ""
        yield "\nOther keys\n", "bold"
        yield OTHER_KEYS, ""
        for command in (each for scope in Scope for each in of_scope(scope)):
            yield f"{self._key(command):>9} ", "$text-accent"
            yield f"{command.id}\n", "dim"
