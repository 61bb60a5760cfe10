"""The library as rows: what can be searched in them, how they are sifted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from herd.library import Entry
from herd.model import Installed
from herd.plan import Fit, fit


@dataclass(frozen=True)
class Row:
    """One model of the library."""

    entry: Entry
    fit: Fit
    haystack: str
    """Everything that a person would search in, in lower case."""

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.entry.name

    @property
    def runnable(self) -> Installed | None:
        """The installed variant to chat with: the default one, else the first that runs."""
        able = [each for each in self.entry.installed if each.format.is_runnable]
        default = self.entry.model.default if self.entry.model else None
        return next((each for each in able if each.variant == default), able[0] if able else None)


def rows(shelf: Iterable[Entry], memory: int | None) -> tuple[Row, ...]:
    """The rows of a shelf on a machine with this much memory."""
    return tuple(_row(entry, memory) for entry in shelf)


def sift(among: Sequence[Row], text: str) -> tuple[Row, ...]:
    """The rows in which every word of the text occurs, those with it in their name first."""
    words = text.lower().split()
    if not words:
        return tuple(among)
    found = [row for row in among if all(word in row.haystack for word in words)]
    first = words[0]
    return tuple(sorted(found, key=lambda row: _distance(row.name, first)))


def _distance(name: str, word: str) -> int:
    return 0 if name.startswith(word) else 1 if word in name else 2


def _row(entry: Entry, memory: int | None) -> Row:
    verdict = fit(entry.size, memory)
    return Row(entry, verdict, _haystack(entry, verdict))


def _haystack(entry: Entry, verdict: Fit) -> str:
    model = entry.model
    texts = [
        entry.name,
        entry.title,
        entry.role,
        entry.licence.id,
        entry.licence.commercial,
        entry.parameters or "",
        entry.summary,
        "installed" if entry.is_installed else "",
        "" if verdict is Fit.UNKNOWN else verdict,
    ]
    if model:
        texts += [*model.aliases, model.family or "", *(each.name for each in model.variants)]
    texts += [each.variant for each in entry.installed]
    return " ".join(texts).lower()
