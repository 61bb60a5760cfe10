"""Which rows of the library are shown, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from herd_tui.rows import Row


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


class Sieve:
    """The rows in an order, and what was found of them last: typing on looks through that alone."""

    def __init__(self, rows: Sequence[Row] = (), order: Order = Order.REGISTRY) -> None:
        self._rows = ordered(rows, order)
        self._words: list[str] = []
        self._found = self._rows
        """The rows with all of these words."""

    def sift(self, text: str) -> tuple[Row, ...]:
        """The rows in which every word of the text occurs, the one of that name first."""
        words = text.lower().split()
        is_narrower = all(any(old in word for word in words) for old in self._words)
        among = self._found if is_narrower else self._rows
        for word in words:
            among = tuple([row for row in among if word in row.haystack])
        self._words, self._found = words, among
        return _nearest_first(among, words[0]) if words else among


def _nearest_first(rows: Sequence[Row], word: str) -> tuple[Row, ...]:
    exact: list[Row] = []
    begun: list[Row] = []
    inside: list[Row] = []
    others: list[Row] = []
    for row in rows:
        name = row.entry.name
        if word not in name:
            others.append(row)
        elif not name.startswith(word):
            inside.append(row)
        else:
            (exact if name == word else begun).append(row)
    return (*exact, *begun, *inside, *others)
