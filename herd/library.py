"""What the registry offers and what is installed, as one list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from herd.model import Installed, Licence, Model


@dataclass(frozen=True)
class Entry:
    """A model that is offered, installed, or both; at least one of the two."""

    name: str
    model: Model | None
    """None when no registry offers it (any more)."""
    installed: tuple[Installed, ...] = ()

    @property
    def is_installed(self) -> bool:
        """Whether at least one variant is in the store."""
        return bool(self.installed)

    @property
    def title(self) -> str:
        """The name for people."""
        return self.model.title if self.model else self.installed[0].title

    @property
    def role(self) -> str:
        """What it is for."""
        return self.model.role if self.model else self.installed[0].role

    @property
    def licence(self) -> Licence:
        """Under which terms."""
        return self.model.licence if self.model else self.installed[0].licence

    @property
    def parameters(self) -> str | None:
        """As people say it: `7B`."""
        return self.model.parameters if self.model else self.installed[0].parameters

    @property
    def summary(self) -> str:
        """One sentence on what it is."""
        return self.model.summary if self.model else self.installed[0].summary

    @property
    def size(self) -> int | None:
        """Bytes: of what is installed, else of the default variant."""
        if self.installed:
            return sum(each.size for each in self.installed)
        variant = self.model.variant() if self.model else None
        return variant.size if variant else None

    def matches(self, words: Sequence[str]) -> bool:
        """Whether every word occurs somewhere in what people would search in."""
        texts = [
            self.name,
            self.title,
            self.role,
            self.licence.id,
            self.parameters or "",
            self.summary,
        ]
        if self.model:
            texts += [*self.model.aliases, self.model.family or ""]
        haystack = " ".join(texts).lower()
        return all(word.lower() in haystack for word in words)


def shelve(offered: Iterable[Model], installed: Iterable[Installed]) -> tuple[Entry, ...]:
    """One entry for each name: the installed ones first, then the registry in its own order."""
    held: dict[str, list[Installed]] = {}
    for each in installed:
        held.setdefault(each.name, []).append(each)
    entries = [Entry(model.name, model, tuple(held.pop(model.name, ()))) for model in offered]
    entries += [Entry(name, None, tuple(variants)) for name, variants in held.items()]
    return tuple(sorted(entries, key=lambda entry: not entry.is_installed))
