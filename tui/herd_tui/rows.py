"""The library as rows, and which of them to begin with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from herd.library import Entry
from herd.model import Installed, Status
from herd.plan import Fit, fit
from herd.words import size


@dataclass(frozen=True)
class Row:
    """One model of the library."""

    entry: Entry
    fit: Fit
    haystack: str
    """Everything that a person would search in, in lower case."""
    memory: int | None = None
    """Bytes of the machine."""

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


def recommended(among: Sequence[Row]) -> str:
    """What to begin with on this machine: the smallest chat model, and the best that fits well.

    "Well" is a quarter of the memory and at most 8 GB: it leaves room for a long
    conversation, and answers at reading speed on a machine without a GPU are still thinkable.
    """
    chats = [row for row in among if _is_for_beginners(row)]
    if not chats:
        return ""
    small = min(chats, key=lambda row: row.entry.size or 0)
    text = f"{small.name} ({size(small.entry.size)}) is here in a minute"
    good = [row for row in chats if row.fit is Fit.FITS and _is_comfortable(row)]
    best = max(good, key=lambda row: row.entry.size or 0, default=small)
    if best is not small:
        text += f"; {best.name} ({size(best.entry.size)}) is a good one for this machine"
    return f"{text}. enter installs what the cursor is on."


def _is_for_beginners(row: Row) -> bool:
    model = row.entry.model
    return (
        model is not None
        and model.role == "chat"
        and model.status is Status.ACTIVE
        and not model.licence.must_be_accepted
        and model.variants[0].format.is_runnable
        and row.fit in (Fit.FITS, Fit.UNKNOWN)
    )


def _is_comfortable(row: Row) -> bool:
    return (row.entry.size or 0) <= min(row.memory / 4 if row.memory else 0, 8e9)


def _row(entry: Entry, memory: int | None) -> Row:
    verdict = fit(entry.size, memory)
    return Row(entry, verdict, _haystack(entry, verdict), memory)


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
