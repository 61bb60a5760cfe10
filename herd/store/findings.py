"""What a proof of the store can find, in values and in people's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from herd.errors import DigestMismatch
from herd.model import Reference, Sha256
from herd.words import count, size


class Flaw(StrEnum):
    """What is wrong."""

    DAMAGED = "damaged"
    """A blob has other bytes than its digest says."""
    MISSING = "missing"
    """A manifest names a blob that is not there."""
    UNREADABLE = "unreadable"
    """The system does not give the bytes out."""
    WRITABLE = "writable"
    """A blob that anybody may write to by mistake."""
    NO_LINK = "no link"
    """A file has no name for other tools, or the name leads to other bytes."""
    ORPHAN = "orphan"
    """A name among the models that no manifest knows."""
    NO_MANIFEST = "no manifest"
    """A file among the manifests that does not read as one."""

    @property
    def is_of_bytes(self) -> bool:
        """Whether the model's bytes are not what they should be."""
        return self in (Flaw.DAMAGED, Flaw.MISSING, Flaw.UNREADABLE)


_MENDED = frozenset({Flaw.WRITABLE, Flaw.NO_LINK})
"""What repair sets right without a byte."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    flaw: Flaw
    path: Path
    sha256: Sha256 | None = None
    """The blob that it is about."""
    spans: tuple[range, ...] = ()
    """Offsets of damaged bytes: whole pieces, or all of the file where no table reads."""
    missing: int = 0
    """Bytes that the end lacks."""
    extra: int = 0
    """Bytes behind the end."""
    models: tuple[Reference, ...] = ()
    """The models that use it."""
    note: str = ""

    @property
    def text(self) -> str:
        """What is wrong, in a few words."""
        return ", ".join(self._words())

    def _words(self) -> list[str]:
        match self.flaw:
            case Flaw.DAMAGED:
                return [*self._spans(), *self._lengths()] or ["other bytes than its digest says"]
            case Flaw.MISSING:
                return ["its bytes are gone"]
            case Flaw.UNREADABLE:
                return [f"cannot be read: {self.note}"]
            case Flaw.WRITABLE:
                return ["can be written to; herd keeps blobs read-only"]
            case Flaw.NO_LINK:
                return [self.note or "the name does not lead to the blob"]
            case Flaw.ORPHAN:
                return ["no installed model has this name"]
            case Flaw.NO_MANIFEST:
                return ["does not read as a manifest"]

    def _spans(self) -> list[str]:
        named = [f"{span.start}-{span.stop - 1}" for span in self.spans[:4]]
        more = f" and {len(self.spans) - 4} more" if len(self.spans) > 4 else ""
        return [f"damaged in bytes {', '.join(named)}{more}"] if named else []

    def _lengths(self) -> list[str]:
        words = [f"{size(self.missing)} missing at its end"] if self.missing else []
        return words + ([f"{size(self.extra)} too many at its end"] if self.extra else [])


@dataclass(frozen=True)
class Report:
    """What a proof found."""

    findings: tuple[Finding, ...]
    blobs: int
    """Blobs that were read."""
    size: int
    """Bytes of them."""
    seconds: float = 0.0
    models: tuple[Reference, ...] = ()
    """The models that were proved."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def broken(self) -> tuple[Reference, ...]:
        """The models whose bytes are not what they should be."""
        of_bytes = (each.models for each in self.findings if each.flaw.is_of_bytes)
        return tuple(dict.fromkeys(model for models in of_bytes for model in models))

    def trouble(self) -> DigestMismatch | None:
        """The error that a person is told; None when nothing is wrong."""
        if self.is_sound:
            return None
        what = count(len(self.findings), "thing is wrong", "things are wrong")
        return DigestMismatch(f"{what} in the store.", self._hint())

    def _hint(self) -> str:
        flaws = {each.flaw for each in self.findings}
        if self.broken:
            return f"`herd repair {self.broken[0]}` mends it."
        if flaws & {Flaw.DAMAGED, Flaw.UNREADABLE, Flaw.ORPHAN} and not flaws & _MENDED:
            return "`herd prune` takes away what no model needs."
        if flaws == {Flaw.NO_MANIFEST}:
            return "Take the file away, and install the model again."
        return "`herd repair --all` mends it."
