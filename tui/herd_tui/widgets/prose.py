"""Markdown from a model as one widget that draws its lines itself.

Textual's Markdown is a widget for every block, and each that comes has all of them styled and
laid out anew. Here a text that grows has its last block parsed again, and of that one only the
lines drawn that changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual.content import Content
from textual.geometry import Size
from textual.highlight import highlight
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from herd.words import plain
from herd_tui.markdown import Block, Highlight, blocks
from herd_tui.markdown_blocks import CodeLine, Piece, Words

GROWS = 1.25
"""How much code grows before it is coloured again, as long as it is being written."""


@dataclass(frozen=True)
class _Drawn:
    """A piece at one width."""

    key: object
    strips: tuple[Strip, ...]
    is_code: bool


class Prose(Widget, can_focus=False):
    """An answer; a link in it is copied, never opened."""

    COMPONENT_CLASSES = {  # as Textual has it
        *("h1", "h2", "h3", "h4", "h5", "h6"),
        *("em", "strong", "s", "code_inline", "code", "bullet", "bar", "rule", "head"),
    }

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._done: list[Block] = []
        """Blocks that nothing can change any more."""
        self._last: list[Block] = []
        self._open = ""
        """The source of the last block."""
        self._coloured: tuple[str, str, Content] = ("", "", Content(""))
        """Language, code and colours of the code that is being written."""
        self._width = 0
        self._drawn: list[_Drawn] = []
        """The pieces of all blocks, as far as they were drawn at this width."""
        self._drawn_done = 0
        """Pieces of them that belong to blocks that are done."""
        self._blocks_drawn = 0
        self._lines: list[tuple[Strip, str]] = []
        """Every line, and what stands between it and the one before in a copy."""
        self._lines_done = 0
        self._is_stale = True
        self._parse(plain(text))

    def append(self, text: str) -> None:
        """Draw what comes next."""
        before = len(self._lines)
        self._parse(self._open + plain(text), self._colours_so_far)
        if self._width:
            self._draw()
            self.refresh(layout=len(self._lines) != before)
        else:
            self.refresh(layout=True)

    def finish(self) -> None:
        """Nothing more comes: colour all of the code."""
        self._parse(self._open)
        self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All that there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines at this width."""
        self._draw(width)
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """One line, with what is selected of it."""
        self._draw(self.size.width)
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._lines[y][0]
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            strip = self._selected(strip, *span)
        return strip.apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text; a line that was wrapped here is one line."""
        parts: list[str] = []
        for y, (strip, between) in enumerate(self._lines):
            if (span := selection.get_span(y)) is not None:
                start, end = span
                text = strip.text[start : None if end == -1 else end].rstrip()
                parts += [between, text] if parts else [text]
        return "".join(parts), "\n"

    def notify_style_update(self) -> None:
        """Other colours."""
        super().notify_style_update()
        self._forget()

    def action_link(self, href: str) -> None:
        """Copy the address."""
        self.app.copy_to_clipboard(href)
        self.app.notify(plain(href), title="Address copied", markup=False)

    def _parse(self, text: str, colours: Highlight | None = None) -> None:
        """Parse the last block and what came behind it."""
        found, line = blocks(text, self._colours, colours)
        self._done += found[:-1]
        self._last = found[-1:]
        self._open = "".join(text.splitlines(keepends=True)[line:])
        self._is_stale = True

    def _colours(self, code: str, language: str) -> Content:
        return highlight(code, language=language or "text")

    def _colours_so_far(self, code: str, language: str) -> Content:
        """Colours of code that grows, made anew only where it grew by a quarter."""
        known, begun, colours = self._coloured
        if known != language or not code.startswith(begun) or len(code) > GROWS * len(begun) + 80:
            begun, colours = code, self._colours(code, language)
            self._coloured = (language, begun, colours)
        return colours + code[len(begun) :]

    def _forget(self) -> None:
        self._drawn, self._lines = [], []
        self._drawn_done = self._lines_done = self._blocks_drawn = 0
        self._is_stale = True

    def _draw(self, width: int | None = None) -> None:
        """Make the lines of what is not drawn yet at this width."""
        if width is not None and width != self._width:
            self._width = width
            self._forget()
        if not self._is_stale or not self._width:
            return
        self._is_stale = False
        old = {each.key: each for each in self._drawn[self._drawn_done :]}
        del self._drawn[self._drawn_done :], self._lines[self._lines_done :]
        for block in self._done[self._blocks_drawn :]:
            self._add(block, old)
        self._blocks_drawn = len(self._done)
        self._drawn_done, self._lines_done = len(self._drawn), len(self._lines)
        for block in self._last:
            self._add(block, old)

    def _add(self, block: Block, old: dict[object, _Drawn]) -> None:
        """Add the lines of a block, with those that are drawn already as they are."""
        if self._lines:
            self._lines.append((Strip.blank(self._width, self.rich_style), "\n"))
        for piece in block:
            drawn = old.get(piece.key) or self._strips(piece)
            self._drawn.append(drawn)
            wrapped = "" if drawn.is_code else " " if isinstance(piece, Words) else "\n"
            for at, strip in enumerate(drawn.strips):
                self._lines.append((strip, wrapped if at else "\n"))

    def _strips(self, piece: Piece) -> _Drawn:
        text = Content("\n").join(piece.lines(self._width))
        strips = Visual.to_strips(
            self, text, self._width, None, self.visual_style, apply_selection=False
        )
        filled = tuple(strip.adjust_cell_length(self._width, self.rich_style) for strip in strips)
        return _Drawn(piece.key, filled, isinstance(piece, CodeLine))

    def _selected(self, strip: Strip, start: int, end: int) -> Strip:
        text = strip.text
        left = cell_len(text[:start])
        right = strip.cell_length if end == -1 else cell_len(text[:end])
        style = self.screen.get_component_rich_style("screen--selection")
        middle = strip.crop(left, right)
        marked = [Segment(part, each + style if each else style) for part, each, _ in middle]
        return Strip.join([strip.crop(0, left), Strip(marked), strip.crop(right)])
