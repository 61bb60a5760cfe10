"""What every carrier offers: one source, one file, bytes into a staging file."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Protocol

from herd.model import File, Sha256, Source
from herd.pieces import Table
from herd.progress import Gauge
from herd.staging import Staged

__all__ = ["Carrier", "Delivery", "Staged", "Wish"]


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


@dataclass(frozen=True)
class Wish:
    """One file wanted from one source."""

    file: File
    source: Source
    staged: Staged
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by whoever wants it to end: the carrier raises Interrupted within a second."""


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
