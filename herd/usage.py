"""What a store takes of the disk: each model, bytes that several share once, and the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from herd.model import Installed, Reference, Sha256
from herd.store import Store
from herd.store.pruning import Litter
from herd.words import count

_NAMED = 3
"""Models that a sentence names; the others are counted."""


@dataclass(frozen=True)
class Use:
    """What one model takes."""

    reference: Reference
    size: int
    """Bytes of all its files."""
    own: int
    """Bytes that would be free if it were removed."""
    adopted: int
    """Bytes that are another tool's files too: they stay whatever herd does."""

    @property
    def shared(self) -> int:
        """Bytes that other models of the store have too."""
        return self.size - self.own - self.adopted


@dataclass(frozen=True)
class Usage:
    """What the store takes."""

    models: tuple[Use, ...]
    """The largest first."""
    total: int
    """Bytes of all installed models, each blob once."""
    adopted: int
    """Bytes of them that are other tools' files too."""
    litter: Litter
    """What `herd prune` would take away."""
    free: int
    """Bytes free on the disk."""


def usage(store: Store) -> Usage:
    """Look at the store; nothing is read but names and sizes.

    Raises:
        CannotWrite: the store is on a drive that is not there.
    """
    store.require_here()
    installed = store.own()
    counts = Counter(sha256 for model in installed for sha256 in {f.sha256 for f in model.files})
    uses = tuple(_use(model, counts) for model in installed)
    blobs = {file.sha256: file for model in installed for file in model.files}
    return Usage(
        models=tuple(sorted(uses, key=lambda use: (-use.size, str(use.reference)))),
        total=sum(file.size for file in blobs.values()),
        adopted=sum(file.size for file in blobs.values() if file.adopted),
        litter=store.litter(),
        free=store.free(),
    )


def frees(model: Installed, held: Sequence[Installed]) -> int:
    """Bytes that removing a model frees: those that only it has and no other tool."""
    counts = Counter(sha256 for each in held for sha256 in {file.sha256 for file in each.files})
    return _use(model, counts).own


def sharers(model: Installed, held: Sequence[Installed]) -> tuple[Installed, ...]:
    """The other models that have bytes of this one, which stay when it is removed."""
    own = {file.sha256 for file in model.files}
    others = (each for each in held if each.reference != model.reference)
    return tuple(each for each in others if own & {file.sha256 for file in each.files})


def why_less(model: Installed, held: Sequence[Installed]) -> str:
    """Why removing a model frees less than it takes, as a clause; empty where it does not."""
    if others := sharers(model, held):
        names = ", ".join(str(each.reference) for each in others[:_NAMED])
        more = f" and {count(rest, 'other')}" if (rest := len(others) - _NAMED) > 0 else ""
        return f"{names}{more} {'has' if len(others) == 1 else 'have'} the same bytes"
    if any(file.adopted for file in model.files):
        return "another tool keeps the bytes"
    return ""


def _use(model: Installed, counts: Counter[Sha256]) -> Use:
    files = {file.sha256: file for file in model.files}.values()
    return Use(
        model.reference,
        size=sum(file.size for file in files),
        own=sum(f.size for f in files if counts[f.sha256] <= 1 and not f.adopted),
        adopted=sum(file.size for file in files if file.adopted),
    )
