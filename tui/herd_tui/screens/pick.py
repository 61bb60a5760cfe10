"""A list to choose one thing from, sifted by what is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from herd_tui.screens.dialog import Dialog
from herd_tui.widgets.filter import Filter, step


@dataclass(frozen=True)
class Item:
    """One thing to choose."""

    id: str
    line: Content
    words: str
    """What the filter looks in."""


class Pick(Dialog[str | None]):
    """Gives back the id of what was chosen, None if nothing was."""

    BINDINGS = [
        Binding("escape", "dismiss", "Close", show=False),
        Binding("enter", "take", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]

    def __init__(self, title: str, items: Sequence[Item], foot: str = "enter chooses") -> None:
        super().__init__()
        self._title, self._items, self._foot = title, items, foot
        self._shown = ""

    def compose(self) -> ComposeResult:
        """A filter and the list."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._title), classes="dialog-title", markup=False)
            yield Filter("type to filter", id="pick-filter")
            yield OptionList(id="pick", markup=False)
            yield Static("Nothing matches.", id="pick-nothing", markup=False)
            yield Static(Content(self._foot), classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """All of them at first."""
        self._show("")
        self.query_one(Filter).focus()

    def action_move(self, by: int) -> None:
        """Move the cursor while the filter keeps the focus."""
        step(self.query_one(OptionList), by)

    def action_take(self) -> None:
        """Take what is under the cursor."""
        text = self.query_one(Filter).value
        if text != self._shown:  # enter may come faster than the list follows the filter
            self._show(text)
        box = self.query_one(OptionList)
        if box.highlighted is not None:
            self.dismiss(box.get_option_at_index(box.highlighted).id)

    @on(Input.Changed)
    def _sift(self, event: Input.Changed) -> None:
        if event.value != self._shown:
            self._show(event.value)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def _show(self, text: str) -> None:
        words = text.lower().split()
        box = self.query_one(OptionList)
        box.clear_options()
        fitting = [item for item in self._items if all(w in item.words.lower() for w in words)]
        box.add_options([Option(item.line, id=item.id) for item in fitting])
        box.highlighted = 0 if fitting else None
        box.display = bool(fitting)
        self.query_one("#pick-nothing").display = not fitting
        self._shown = text
