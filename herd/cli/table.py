"""Tables of plain text. rich would cost every `herd list` 40 ms more."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from herd.cli.terminal import BOLD, GREEN, RED, YELLOW, is_terminal, one_line, styled, width

GAP = "  "
PAINT = {
    "fits": GREEN,
    "tight": YELLOW,
    "too big": RED,
    "unverified": YELLOW,
    "withdrawn": RED,
}
"""Cells that are shown in a style, wherever they stand."""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Rows under their heads; on a terminal what passes its edge is cut.

    Args:
        heads: Names of the columns.
        rows: One text for each column; they may be strangers'.
        right: The heads of columns that are aligned to the right.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    shapes = [-wide if head in right else wide for head, wide in zip(heads, widths, strict=True)]
    bold = dict.fromkeys(heads, BOLD)
    lines = [_line(heads, shapes, bold), *(_line(row, shapes, PAINT) for row in cells)]
    return "\n".join(lines)


def _line(row: Sequence[str], shapes: Sequence[int], paint: Mapping[str, str]) -> str:
    """One row; a negative shape is a width that is aligned to the right."""
    room = width() if is_terminal(sys.stdout) else None
    cells: list[str] = []
    for at, (cell, shape) in enumerate(zip(row, shapes, strict=True)):
        padded = cell.rjust(-shape) if shape < 0 else cell.ljust(shape)
        text = padded.rstrip() if at == len(row) - 1 else padded + GAP
        if room is not None and len(text.rstrip()) > room:
            cells.append(text[: max(0, room - 1)].rstrip() + "…")
            break
        room = None if room is None else room - len(text)
        if cell in paint:
            text = text.replace(cell, styled(cell, paint[cell], sys.stdout), 1)
        cells.append(text)
    return "".join(cells).rstrip()
