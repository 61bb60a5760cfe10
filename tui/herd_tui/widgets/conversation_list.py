"""The list of conversations, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from herd.history import Summary
from herd.words import one_line
from herd_tui.cells import cell
from herd_tui.widgets.filter import Filter, step

WIDTH = 28
"""Cells of a title; the stylesheet gives the list two more."""


class ConversationList(Vertical):
    """Titles to choose from; letters that are typed on them search."""

    BINDINGS = [
        Binding("escape", "leave", "Back", show=False),
        Binding("enter", "take", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._places: dict[str, int] = {}
        """The turns in which what was looked for stands, by the conversation."""

    class Left(Message):
        """The person wants to go back to the conversation."""

    @dataclass
    class Chosen(Message):
        """The person wants to see this conversation."""

        id: str
        place: int | None = None
        """The turn to go to; None: the last one."""

    @dataclass
    class Sought(Message):
        """The person looks for conversations in which these words occur."""

        text: str

    def compose(self) -> ComposeResult:
        """A field to search in, and the list."""
        yield Filter("search conversations", id="conversations-filter")
        yield OptionList(id="conversations", markup=False)

    def focus_list(self) -> None:
        """Go to the titles."""
        self.query_one(OptionList).focus()

    def action_leave(self) -> None:
        """Go back; what was searched for is forgotten."""
        self.query_one(Filter).clear()
        self.post_message(self.Left())

    def on_key(self, event: events.Key) -> None:
        """Search for what is typed on the titles."""
        field = self.query_one(Filter)
        if event.is_printable and event.character and not field.has_focus:
            event.stop()
            field.focus()
            field.insert_text_at_cursor(event.character)

    def show(self, summaries: Sequence[Summary], current: str) -> None:
        """Show these, with the cursor on the one that is open."""
        box = self.query_one(OptionList)
        box.clear_options()
        box.add_options([Option(_line(each), id=each.id) for each in summaries])
        ids = [each.id for each in summaries]
        self._places = {each.id: each.found.turn for each in summaries if each.found}
        is_sought = bool(self.query_one(Filter).value.strip())
        first = 0 if ids and is_sought else None
        box.highlighted = ids.index(current) if current in ids and not is_sought else first

    def action_move(self, by: int) -> None:
        """Move the cursor while the field keeps the focus."""
        step(self.query_one(OptionList), by)

    def action_take(self) -> None:
        """Take what is under the cursor."""
        self.query_one(OptionList).action_select()

    @on(Input.Changed)
    def _seek(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Sought(event.value))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if id_ := event.option.id:
            self.post_message(self.Chosen(id_, self._places.get(id_)))


def _line(summary: Summary) -> Content:
    who = f"{summary.updated_at[5:10]} {one_line(summary.model or '')}"
    if summary.found:
        who = summary.found.excerpt
    title = ("* " if summary.is_pinned else "") + (summary.title or "untitled")
    return Content.assemble(cell(title, WIDTH), "\n", (cell(who, WIDTH), "dim"))
