"""The list of models: one line each, drawn line by line, so that ten thousand cost nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
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
        self._lines: tuple[Row | str, ...] = ()
        """Rows, and the names of groups, on which the cursor never stands."""
        self._styles: dict[tuple[str, bool], Style] = {}

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._row(self.cursor)

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return tuple(line for line in self._lines if not isinstance(line, str))

    def _row(self, at: int) -> Row | None:
        line = self._lines[at] if 0 <= at < len(self._lines) else ""
        return None if isinstance(line, str) else line

    def show(self, lines: tuple[Row | str, ...], keep: str | None = None) -> None:
        """Show these, with the cursor on the row of this name, else on the first."""
        self._lines = lines
        self.virtual_size = Size(0, len(lines))
        rows = ((at, line) for at, line in enumerate(lines) if not isinstance(line, str))
        kept = (at for at, row in rows if row.name == keep) if keep else iter(())
        before = self.cursor
        self.cursor = next(kept, 1 if lines and isinstance(lines[0], str) else 0)
        self.call_after_refresh(self._follow)  # only then it can be scrolled as far as that
        self.refresh()
        if self.cursor == before:  # else it was told already
            self.post_message(self.Moved(self.current))

    def move(self, by: int) -> None:
        """Move the cursor, over the names of groups."""
        last = len(self._lines) - 1
        at = max(0, min(last, self.cursor + by))
        if self._row(at) is None:  # the first row lies below a name, and no name is the last line
            at += 1 if by > 0 or at == 0 else -1
        self.cursor = max(0, min(last, at))

    def page(self, direction: int) -> None:
        """Move the cursor by what fits on the screen."""
        self.move(direction * max(1, self.size.height - 1))

    def watch_cursor(self) -> None:
        """Keep the cursor in sight and say where it stands."""
        self._follow()
        self.refresh()
        self.post_message(self.Moved(self.current))

    def _follow(self) -> None:
        above = int(self.cursor > 0 and self._row(self.cursor - 1) is None)  # its group's name
        region = Region(0, self.cursor - above, 1, 1 + above)
        self.scroll_to_region(region, animate=False)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a double click chooses."""
        at = event.y + self.scroll_offset.y
        if row := self._row(at):
            self.cursor = at
            if event.chain == 2:
                self.post_message(self.Chosen(row))

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        from herd_tui.model_line import heading, line

        at = y + self.scroll_offset.y
        width = self.size.width
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        here = at == self.cursor
        one = self._lines[at]
        parts = heading(one, width) if isinstance(one, str) else line(one, width, here=here)
        segments = [Segment(text, self._style(kind, here=here)) for text, kind in parts]
        return Strip(segments).adjust_cell_length(width, self._style("", here=here))

    def _style(self, kind: str, *, here: bool) -> Style:
        """The style of a part; made once, for they are asked for in every frame."""
        key = (kind, here)
        if key not in self._styles:
            base = self.get_component_rich_style("model-list--cursor") if here else self.rich_style
            if kind and not here:
                base += self.get_component_rich_style(f"model-list--{kind}", partial=True)
            self._styles[key] = base
        return self._styles[key]

    def notify_style_update(self) -> None:
        """Other colours."""
        super().notify_style_update()
        self._styles.clear()
