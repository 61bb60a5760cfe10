"""Markdown as pieces that know their lines at any width. Pure.

A piece is one logical line: a paragraph, an item of a list, a line of code, a whole table.
Names of styles with a dot are component classes of whoever draws the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from textual.content import Content

LEAST_COLUMN = 5
"""Cells of a table's column at the least."""
GAP = "  "
"""Between two columns."""


@dataclass(frozen=True)
class Prefix:
    """What stands before a piece: the bullet of an item, the bar of a quotation."""

    first: Content = field(default_factory=lambda: Content(""))
    rest: Content = field(default_factory=lambda: Content(""))

    def then(self, first: str, rest: str, style: str = "") -> Prefix:
        """This, and something more behind it."""
        return Prefix(
            Content.assemble(self.first, (first, style)), Content.assemble(self.rest, (rest, style))
        )

    @property
    def after_the_first(self) -> Prefix:
        """What stands before the next piece of the same item."""
        return Prefix(self.rest, self.rest)

    @property
    def key(self) -> tuple[str, str]:
        """What makes two prefixes the same."""
        return (self.first.plain, self.rest.plain)


@dataclass(frozen=True)
class Words:
    """Text that is wrapped between words."""

    text: Content
    prefix: Prefix

    @property
    def key(self) -> object:
        """What makes two pieces draw the same."""
        return (self.text.plain, tuple(self.text.spans), self.prefix.key)

    def lines(self, width: int) -> list[Content]:
        """The lines, each at most `width` cells."""
        room = max(1, width - self.prefix.first.cell_length)
        wrapped = self.text.wrap(room, overflow="fold") or [Content("")]
        return _with(self.prefix, wrapped)


@dataclass(frozen=True)
class CodeLine:
    """A line of code: cut where it ends, on a ground of its own."""

    text: Content
    prefix: Prefix

    @property
    def key(self) -> object:
        """What makes two pieces draw the same."""
        return ("code", self.text.plain, tuple(self.text.spans), self.prefix.key)

    def lines(self, width: int) -> list[Content]:
        """The lines, each exactly `width` cells."""
        room = max(1, width - self.prefix.first.cell_length)
        inner = max(1, room - 4)
        filled = [
            Content.assemble("  ", line, " " * max(0, room - 2 - line.cell_length))
            for line in self.text.divide(_cuts(self.text.plain, inner))
        ]
        return _with(self.prefix, [line.stylize_before(".code") for line in filled])


@dataclass(frozen=True)
class Rule:
    """A line from side to side."""

    prefix: Prefix

    @property
    def key(self) -> object:
        """What makes two pieces draw the same."""
        return ("rule", self.prefix.key)

    def lines(self, width: int) -> list[Content]:
        """One line."""
        room = max(1, width - self.prefix.first.cell_length)
        return _with(self.prefix, [Content.styled("─" * room, ".rule")])


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first one is the head."""

    rows: tuple[tuple[Content, ...], ...]
    aligns: tuple[str, ...]
    """`left`, `right` or `center`, of each column."""
    prefix: Prefix

    @property
    def key(self) -> object:
        """What makes two pieces draw the same."""
        cells = tuple((each.plain, tuple(each.spans)) for row in self.rows for each in row)
        return ("table", len(self.rows), cells, self.aligns, self.prefix.key)

    def lines(self, width: int) -> list[Content]:
        """The lines; cells are wrapped where the table is wider than there is room."""
        widths = self._widths(width - self.prefix.first.cell_length)
        drawn: list[Content] = []
        for at, row in enumerate(self.rows):
            cells = [cell.wrap(w, overflow="fold") for cell, w in zip(row, widths, strict=False)]
            for y in range(max(map(len, cells), default=0)):
                columns = [
                    _aligned(lines[y] if y < len(lines) else Content(""), w, align)
                    for lines, w, align in zip(cells, widths, self.aligns, strict=False)
                ]
                line = Content(GAP).join(columns)
                drawn.append(line if at else line.stylize_before(".head"))
            if at == 0:
                drawn.append(Content.styled(GAP.join("─" * w for w in widths), ".rule"))
        return _with(self.prefix, drawn)

    def _widths(self, room: int) -> list[int]:
        widths = [
            max((row[at].cell_length for row in self.rows if at < len(row)), default=0)
            for at in range(len(self.aligns))
        ]
        widths = [max(1, each) for each in widths]
        spare = room - len(GAP) * (len(widths) - 1)
        while sum(widths) > spare and max(widths) > LEAST_COLUMN:
            widths[widths.index(max(widths))] -= 1
        return widths


Piece = Words | CodeLine | Rule | Table


def _with(prefix: Prefix, lines: Sequence[Content]) -> list[Content]:
    first, *rest = lines or [Content("")]
    if not prefix.first.plain:
        return [first, *rest]
    return [prefix.first + first, *(prefix.rest + line for line in rest)]


def _aligned(text: Content, width: int, align: str) -> Content:
    gap = max(0, width - text.cell_length)
    left = gap if align == "right" else gap // 2 if align == "center" else 0
    return Content.assemble(" " * left, text, " " * (gap - left))


def _cuts(text: str, width: int) -> list[int]:
    """Where to cut a text so that no part takes more cells; in characters."""
    if cell_len(text) <= width:
        return []
    cuts, used = [], 0
    for at, character in enumerate(text):
        cells = cell_len(character)
        if used + cells > width and used:
            cuts.append(at)
            used = 0
        used += cells
    return cuts
