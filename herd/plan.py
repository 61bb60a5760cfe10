"""What installing would take: pure, printable, and said before the first byte moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from herd.errors import CannotRun, HerdError, LicenceNotAccepted, NoRoom
from herd.model import Choice, File, Format, InstalledFile, Sha256, Status
from herd.words import size

ROOM_TO_SPARE = 64 * 1024 * 1024
"""Bytes of disk that stay free beside what is installed."""


class Fit(StrEnum):
    """Whether a model of this size runs on a machine with this memory."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_BIG = "too big"
    UNKNOWN = "?"


def fit(bytes_of_model: int | None, memory: int | None) -> Fit:
    """A first verdict from the size of the file alone.

    At most 60 % of the memory leaves room for context, buffers and everything else
    that runs; above 85 % the system starts to swap.

    Args:
        bytes_of_model: Bytes of all files.
        memory: Bytes of memory that the machine has.
    """
    if not bytes_of_model or not memory:
        return Fit.UNKNOWN
    share = bytes_of_model / memory
    return Fit.FITS if share <= 0.60 else Fit.TIGHT if share <= 0.85 else Fit.TOO_BIG


@dataclass(frozen=True)
class Keep:
    """The store has this file already."""

    file: File
    kept: InstalledFile


@dataclass(frozen=True)
class Fetch:
    """This file must come."""

    file: File
    offset: int = 0
    """Bytes that an earlier try left in staging."""

    @property
    def remaining(self) -> int | None:
        """Bytes to move, None when the size is not known."""
        return None if self.file.size is None else max(0, self.file.size - self.offset)


Step = Keep | Fetch


@dataclass(frozen=True)
class Ground:
    """What a plan must know of this machine and its store."""

    kept: frozenset[Sha256] = frozenset()
    """Digests of the blobs that are there."""
    staged: Mapping[File, int] = field(default_factory=dict)
    """Bytes that staging holds of a file."""
    free: int | None = None
    """Bytes free on the disk of the store."""
    memory: int | None = None
    """Bytes of memory."""
    is_installed: bool = False


@dataclass(frozen=True)
class Plan:
    """What installing a choice would take on this ground."""

    choice: Choice
    steps: tuple[Step, ...]
    ground: Ground

    @property
    def fetches(self) -> tuple[Fetch, ...]:
        """The files that must come."""
        return tuple(step for step in self.steps if isinstance(step, Fetch))

    @property
    def bytes_to_fetch(self) -> int | None:
        """Bytes to move, None when a size is not known."""
        remaining = [fetch.remaining for fetch in self.fetches]
        return None if None in remaining else sum(left for left in remaining if left is not None)

    @property
    def fit(self) -> Fit:
        """Whether it will run in this machine's memory."""
        return fit(self.choice.variant.size, self.ground.memory)

    @property
    def needs_acceptance(self) -> bool:
        """Whether the person must accept the licence first."""
        return self.choice.model.licence.must_be_accepted and not self.ground.is_installed

    def trouble(self, *, is_licence_accepted: bool) -> HerdError | None:
        """Why this plan must not begin, or None."""
        return (
            self._withdrawn()
            or self._format()
            or (None if is_licence_accepted else self._licence())
            or self._room()
        )

    def _withdrawn(self) -> HerdError | None:
        model = self.choice.model
        if model.status is not Status.REVOKED:
            return None
        successor = (
            f"`herd install {model.replaced_by}` has its successor." if model.replaced_by else None
        )
        return CannotRun(
            f"{model.name} was withdrawn: {model.reason or 'no reason is given'}.", successor
        )

    def _format(self) -> HerdError | None:
        if self.choice.variant.format.is_runnable:
            return None
        return CannotRun(
            f"{self.choice.reference} is a {self.choice.variant.format} file, "
            "a format that herd cannot run yet.",
            "Nothing was fetched; `herd search chat` lists models that run.",
        )

    def _licence(self) -> HerdError | None:
        if not self.needs_acceptance:
            return None
        licence = self.choice.model.licence
        where = f": {licence.url}" if licence.url else ""
        return LicenceNotAccepted(
            f"{self.choice.model.name} comes under {licence.id}, "
            f"which must be accepted first{where}.",
            "Read it, then add --accept-licence.",
        )

    def _room(self) -> HerdError | None:
        wanted, free = self.bytes_to_fetch, self.ground.free
        if not wanted or free is None or free >= wanted + ROOM_TO_SPARE:
            return None
        missing = wanted + ROOM_TO_SPARE - free
        return NoRoom(
            f"{self.choice.reference} needs {size(wanted)} of disk and "
            f"{size(free)} are free: {size(missing)} are missing.",
            "Free some room (`herd list` shows what lies there) or set HERD_HOME to a larger disk.",
        )


def plan(choice: Choice, ground: Ground) -> Plan:
    """What installing the choice would take."""
    steps = tuple(_step(file, ground) for file in choice.variant.files)
    return Plan(choice, steps, ground)


def _step(file: File, ground: Ground) -> Step:
    digest, size = file.sha256, file.size
    if digest is not None and size is not None and digest in ground.kept:
        return Keep(file, InstalledFile(file.name, size, digest))
    return Fetch(file, ground.staged.get(file, 0))


def is_of_format(head: bytes) -> Format:
    """The format of a model by its first four bytes (GGUF v3; llama.cpp's older magics)."""
    if head[:4] == b"GGUF":
        return Format.GGUF
    return Format.GGML if head[:4] in (b"lmgg", b"fmgg", b"tjgg") else Format.RAW
