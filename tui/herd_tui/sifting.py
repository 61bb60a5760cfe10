"""Which rows of the library are shown, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from herd_tui.rows import Row


def sift(among: Sequence[Row], text: str) -> tuple[Row, ...]:
    """The rows in which every word of the text occurs, the one of that name first."""
    words = text.lower().split()
    if not words:
        return tuple(among)
    found = [row for row in among if all(word in row.haystack for word in words)]
    first = words[0]
    return tuple(sorted(found, key=lambda row: _distance(row.name, first)))


class Order(StrEnum):
    """In which order the library is; the words end "Sorted …"."""

    REGISTRY = "as the registry has it"
    NAME = "by name"
    SIZE = "by size"


def ordered(among: Sequence[Row], order: Order) -> tuple[Row, ...]:
    """The rows in an order; what is installed stays first."""
    match order:
        case Order.REGISTRY:
            return tuple(among)
        case Order.NAME:
            return tuple(sorted(among, key=lambda row: (not row.entry.is_installed, row.name)))
        case Order.SIZE:
            return tuple(
                sorted(among, key=lambda row: (not row.entry.is_installed, row.entry.size or 0))
            )


def _distance(name: str, word: str) -> int:
    if name == word:
        return 0
    return 1 if name.startswith(word) else 2 if word in name else 3
