"""One model on one line of the list. Pure."""

from __future__ import annotations

from herd.plan import Fit
from herd.words import one_line, size
from herd_tui.cells import cell
from herd_tui.rows import Row

_FIT = {Fit.FITS: "fits", Fit.TIGHT: "tight", Fit.TOO_BIG: "too big", Fit.UNKNOWN: ""}
_FIT_STYLE = {Fit.FITS: "good", Fit.TIGHT: "fair", Fit.TOO_BIG: "bad", Fit.UNKNOWN: "dim"}


def line(row: Row, width: int, *, here: bool) -> list[tuple[str, str]]:
    """A row as texts and the kinds of style that they have."""
    entry = row.entry
    name_width = max(12, min(28, width - 3 - 10 - 10 - 10))
    parts = [
        ("▌" if here else " ", ""),
        ("● " if entry.is_installed else "  ", "installed"),
        (cell(entry.name, name_width), ""),
        (" " + cell(entry.parameters or "", 9, right=True), "dim"),
        (" " + cell(size(entry.size), 9, right=True), ""),
        ("  " + cell(_FIT[row.fit], 8), _FIT_STYLE[row.fit]),
    ]
    left = width - 3 - name_width - 30
    if left >= 10:
        parts.append((cell(entry.licence.id, min(18, left)), "dim"))
    if left >= 30:
        parts.append((" " + cell(entry.summary, left - 19), "dim"))
    return parts


def heading(name: str, width: int) -> list[tuple[str, str]]:
    """The name of a group as texts and the kinds of style that they have."""
    return [(cell(f"─ {one_line(name)} " + "─" * width, width), "dim")]
