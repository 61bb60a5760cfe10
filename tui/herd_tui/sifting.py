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


class Grouping(StrEnum):
    """How the library is divided; the words end "Grouped …"."""

    NONE = "not at all"
    FAMILY = "by family"
    ROLE = "by role"
    INSTALLED = "by what is installed"


def grouped(among: Sequence[Row], grouping: Grouping) -> tuple[Row | str, ...]:
    """The rows under the names of their groups; within a group they keep their order."""
    if grouping is Grouping.NONE:
        return tuple(among)
    groups: dict[str, list[Row]] = {}
    for row in among:
        groups.setdefault(_group(row, grouping), []).append(row)
    if grouping is Grouping.FAMILY:
        groups = dict(sorted(groups.items(), key=lambda item: (item[0] == OTHERS, item[0])))
    lines: list[Row | str] = []
    for name, rows in groups.items():
        lines += [f"{name} ({len(rows)})", *rows]
    return tuple(lines)


OTHERS = "others"


def _group(row: Row, grouping: Grouping) -> str:
    entry = row.entry
    match grouping:
        case Grouping.FAMILY:
            families = [entry.model.family] if entry.model else []
            families += [each.family for each in entry.installed]
            return next(filter(None, families), OTHERS)
        case Grouping.ROLE:
            return entry.role
        case _:
            return "installed" if entry.is_installed else "not installed"


def outside(text: str) -> str | None:
    """What was typed, if it is no name but a way to a model: an address, a magnet, a path."""
    word = text.strip().lower()
    if word.startswith("magnet:"):
        return "A magnet"
    if word.startswith("hf:"):
        return "A repository of the Hugging Face Hub"
    if word.startswith(("http://", "https://")):
        return "An address"
    is_path = word.startswith(("/", "./", "../", "~"))
    return "A path" if is_path or word.endswith((".gguf", ".torrent", ".bin")) else None


def _distance(name: str, word: str) -> int:
    if name == word:
        return 0
    return 1 if name.startswith(word) else 2 if word in name else 3
