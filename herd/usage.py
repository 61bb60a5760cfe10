"""What a store takes of the disk: each model, bytes that several share once, and the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from herd.model import Installed, Reference, Sha256
from herd.store import Store
from herd.store.pruning import Litter


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


def _use(model: Installed, counts: Counter[Sha256]) -> Use:
    files = {file.sha256: file for file in model.files}.values()
    return Use(
        model.reference,
        size=sum(file.size for file in files),
        own=sum(f.size for f in files if counts[f.sha256] <= 1 and not f.adopted),
        adopted=sum(file.size for file in files if file.adopted),
    )
