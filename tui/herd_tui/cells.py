"""Text in terminal cells: strangers' text made harmless, cut and padded to a width. Pure."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from herd.words import one_line


def cell(text: str, width: int, *, right: bool = False) -> str:
    """The text on exactly `width` cells: padded, or cut with an ellipsis.

    Wide characters (CJK, emoji) count as the two cells that they take.
    """
    line = one_line(text)
    if width <= 0:
        return ""
    length = cell_len(line)
    if length > width:
        return set_cell_size(line, width - 1) + "…"
    gap = " " * (width - length)
    return gap + line if right else line + gap


def bar(fraction: float | None, width: int) -> tuple[str, str]:
    """The full and the empty part of a bar; they differ without colour, too."""
    if fraction is None:
        return "", "┄" * width
    full = round(max(0.0, min(1.0, fraction)) * width)
    return "━" * full, "─" * (width - full)
