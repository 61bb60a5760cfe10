"""The list of models: one line each, drawn line by line, so that ten thousand cost nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

if TYPE_CHECKING:
    from herd_tui.rows import Row


class ModelList(ScrollView, can_focus=False):
    """The rows and a cursor. The filter keeps the focus; whoever owns it moves the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "model-list--cursor",
        "model-list--dim",
        "model-list--good",
        "model-list--fair",
        "model-list--bad",
        "model-list--installed",
    }
    cursor: reactive[int] = reactive(0)

    @dataclass
    class Moved(Message):
        """The cursor stands on another row, or on none."""

        row: Row | None

    @dataclass
    class Chosen(Message):
        """A row was clicked twice."""

        row: Row

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as Textual names it
        super().__init__(id=id)
        self._rows: tuple[Row, ...] = ()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def show(self, rows: tuple[Row, ...], keep: str | None = None) -> None:
        """Show these rows, with the cursor on the one of this name, else on the first."""
        self._rows = rows
        names = [row.name for row in rows] if keep else []
        self.virtual_size = Size(0, len(rows))
        self.cursor = names.index(keep) if keep in names else 0
        self.call_after_refresh(self._follow)  # only then it can be scrolled as far as that
        self.refresh()
        self.post_message(self.Moved(self.current))

    def move(self, by: int) -> None:
        """Move the cursor."""
        self.cursor = max(0, min(len(self._rows) - 1, self.cursor + by))

    def page(self, direction: int) -> None:
        """Move the cursor by what fits on the screen."""
        self.move(direction * max(1, self.size.height - 1))

    def watch_cursor(self) -> None:
        """Keep the cursor in sight and say where it stands."""
        self._follow()
        self.refresh()
        self.post_message(self.Moved(self.current))

    def _follow(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a double click chooses."""
        at = event.y + self.scroll_offset.y
        if at < len(self._rows):
            self.cursor = at
            if event.chain == 2:
                self.post_message(self.Chosen(self._rows[at]))

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        from herd_tui.model_line import line

        at = y + self.scroll_offset.y
        width = self.size.width
        if at >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        here = at == self.cursor
        segments = [
            Segment(text, self._style(kind, here=here))
            for text, kind in line(self._rows[at], width, here=here)
        ]
        return Strip(segments).adjust_cell_length(width, self._style("", here=here))

    def _style(self, kind: str, *, here: bool):  # type: ignore[no-untyped-def]
        base = self.get_component_rich_style("model-list--cursor") if here else self.rich_style
        if not kind or here:
            return base
        return base + self.get_component_rich_style(f"model-list--{kind}", partial=True)
