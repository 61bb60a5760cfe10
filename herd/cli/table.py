"""Tables of plain text. rich would cost every `herd list` 40 ms more."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from herd.cli.terminal import BOLD, is_terminal, one_line, styled, width

GAP = "  "


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Rows under their heads; on a terminal the last column is cut at its edge.

    Args:
        heads: Names of the columns.
        rows: One text for each column.
        right: The heads of columns that are aligned to the right.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    lines = [_line(row, heads, widths, right) for row in (list(heads), *cells)]
    if is_terminal(sys.stdout):
        lines = [_cut(line) for line in lines]
    return "\n".join([styled(lines[0], BOLD, sys.stdout), *lines[1:]])


def _line(
    row: Sequence[str], heads: Sequence[str], widths: Sequence[int], right: Sequence[str]
) -> str:
    cells = [
        cell.rjust(wide) if head in right else cell.ljust(wide)
        for cell, head, wide in zip(row, heads, widths, strict=True)
    ]
    return GAP.join(cells).rstrip()


def _cut(line: str) -> str:
    columns = width()
    return line if len(line) <= columns else line[: columns - 1].rstrip() + "…"
