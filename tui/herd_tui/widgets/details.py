"""The card of the model under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from herd_tui.rows import Row


class Details(VerticalScroll, can_focus=False):
    """Shows the row under the cursor."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="card", markup=False)

    def show(self, row: Row | None, memory: int | None) -> None:
        """Show a row, or that there is none."""
        from herd_tui.card import card as lines

        card = self.query_one("#card", Static)
        if row is None:
            card.update(Content("Nothing matches."))
        else:
            card.update(Content.assemble(*lines(row, memory)))
        self.scroll_home(animate=False)
