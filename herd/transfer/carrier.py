"""What every carrier offers: one source, one file, bytes into a staging file."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from herd.errors import DigestMismatch, HerdError, SourceFailed
from herd.model import File, Sha256, Source
from herd.pieces import Table
from herd.progress import Gauge
from herd.staging import Staged
from herd.transfer.board import Board
from herd.transfer.budget import Budget

__all__ = ["Carrier", "Delivery", "EachFailed", "Mismatch", "Resting", "Share", "Staged", "Wish"]


@dataclass(frozen=True)
class Share:
    """What one source gave of a file."""

    source: Source
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Delivery:
    """A whole file that lies in `Staged.part` now."""

    size: int
    """Bytes."""
    sha256: Sha256
    """Of the bytes as they lie there, not as they were promised."""
    name: str | None = None
    """What the source calls the file; for people, to be checked before use."""
    table: Table | None = None
    """Its pieces, where the carrier counted them while it hashed (`herd.pieces.Proof`)."""
    shares: tuple[Share, ...] = ()
    """Who gave what, where more than the source of the wish may have; earlier tries count."""
    wasted: int = 0
    """Bytes that came and are not in the file: twice there, or wrong."""
    liars: tuple[Source, ...] = ()
    """Those that gave wrong bytes; none of them is in the file."""
    failed: tuple[tuple[Source, HerdError], ...] = ()
    """Those that were given up while others delivered."""


@dataclass(frozen=True)
class Wish:
    """One file wanted from one source, or from several that the carrier uses together."""

    file: File
    source: Source
    staged: Staged
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by whoever wants it to end: the carrier raises Interrupted within a second."""
    others: tuple[Source, ...] = ()
    """Further sources for the same carrier."""
    budget: Budget = field(default_factory=Budget)
    """How fast bytes may come."""
    is_pressed: bool = False
    """Whether other sources are waiting: Resting is better than to wait for this one."""
    board: Board | None = None
    """Where it is noted what comes, if somebody proves pieces meanwhile; of HTTP alone."""
    only_parts: bool = False
    """Whether an address that gives nothing but the whole file is of no use: for repair."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources that may be used."""
        return (self.source, *self.others)


class Mismatch(DigestMismatch):
    """A delivery that is not the promised file."""

    def __init__(self, message: str, got: Sha256, *, agreed: int = 1, is_final: bool = False):
        super().__init__(message)
        self.got = got
        """The digest of what came."""
        self.agreed = agreed
        """How many sources gave exactly these bytes."""
        self.is_final = is_final
        """Whether the carrier tried already what else could mend it."""
        self.kept: str | None = None
        """The path of the file, where it was kept out of the way."""
        self.each: tuple[tuple[Source, HerdError], ...] = ()
        """Of several sources those of which it is known what they did."""


class Resting(SourceFailed):
    """Nobody delivers now, and somebody may later; meanwhile others can be asked."""


class EachFailed(SourceFailed):
    """Several sources that were used together failed, each in its own way."""

    def __init__(self, each: tuple[tuple[Source, HerdError], ...]) -> None:
        super().__init__("; ".join(error.message for _, error in each))
        self.each = each
        """The sources and what was wrong with them."""


class Carrier(Protocol):
    """Brings files from one kind of source."""

    def fetch(self, wish: Wish) -> Delivery:
        """Bring the file, going on from what is staged where the source allows it.

        Raises:
            SourceFailed: this source did not deliver; what is staged is kept.
            SourceRefused: it never will.
            DigestMismatch: it delivered other bytes than the file promises.
            NoRoom: the disk is full; what is staged is kept.
            CannotWrite: the staging folder cannot be written.
            Interrupted: `wish.stop` was set; what is staged is kept.
        """
        ...
