"""The card of the model under the cursor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from herd_tui.insight import Insight
    from herd_tui.rows import Row


class Details(VerticalScroll, can_focus=False):
    """Shows the row under the cursor."""

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(id="card", markup=False)

    def show(
        self, row: Row | None, memory: int | None, insight: Insight | None = None, typed: str = ""
    ) -> None:
        """Show a row, or what can be done with what was typed where there is none."""
        from herd_tui.card import card as lines
        from herd_tui.card import nothing
        from herd_tui.insight import Insight

        card = self.query_one("#card", Static)
        if row is None:
            card.update(Content(nothing(typed)))
        else:
            card.update(Content.assemble(*lines(row, memory, insight or Insight(), time.time())))
        if insight is None:
            self.scroll_home(animate=False)
