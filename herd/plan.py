"""What installing would take: pure, printable, and said before the first byte moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from herd.errors import CannotRun, HerdError, LicenceNotAccepted, NoRoom
from herd.model import Choice, File, Format, InstalledFile, PathSource, Sha256, Status
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


@dataclass(frozen=True)
class Read:
    """A ggml file on this machine: it is converted from where it lies, and stays there."""

    file: File
    path: str


Step = Keep | Fetch | Read

CONVERTING = 250_000_000
"""Bytes of a ggml file that are converted in a second, for a first word on how long it takes.
`benchmarks/legacy.py` measures it."""
_GROWTH = {"Q4_2": 34 / 20, "Q4_3": 34 / 24}
"""What GGUF takes for the bytes of these; every other type shrinks or stays as it is."""
_HEADER = 4 << 20
"""Bytes by which a GGUF may be longer than its weights and the old vocabulary."""


@dataclass(frozen=True)
class Convert:
    """The step after the last file is here: ggml files become one GGUF."""

    size: int | None
    """Bytes of the ggml files; None when nobody knows."""
    quantisation: str | None = None

    @property
    def room(self) -> int | None:
        """Bytes that the GGUF takes at most, beside the ggml files."""
        if self.size is None:
            return None
        growth = _GROWTH.get((self.quantisation or "").upper(), 1.0)
        return int(self.size * growth) + _HEADER

    @property
    def seconds(self) -> float | None:
        """About how long it takes."""
        return None if self.size is None else self.size / CONVERTING


@dataclass(frozen=True)
class Ground:
    """What a plan must know of this machine and its store."""

    kept: frozenset[Sha256] = frozenset()
    """Digests of the blobs that are there."""
    staged: Mapping[File, int] = field(default_factory=dict)
    """Bytes that staging holds of a file."""
    whole: Mapping[File, InstalledFile] = field(default_factory=dict)
    """Files that nobody promised a digest for, and that an earlier try left as blobs."""
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

    keeps_original: bool = False
    """Whether ggml files stay in the store after they were converted."""

    @property
    def convert(self) -> Convert | None:
        """The conversion that follows the files; None where they are used as they come."""
        variant = self.choice.variant
        if variant.format is not Format.GGML:
            return None
        return Convert(variant.size, variant.quantisation)

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
    def room(self) -> int | None:
        """Bytes of disk that it takes while it is under way, None when that is not known."""
        room = self.convert.room if self.convert else 0
        fetched = self.bytes_to_fetch
        return None if fetched is None or room is None else fetched + room

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
        if self.choice.variant.format.is_installable:
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
            "Read it, then add --accept-licence."
            if licence.url
            else f"`herd info {self.choice.model.name}` says what it asks; then add "
            "--accept-licence.",
        )

    def _room(self) -> HerdError | None:
        wanted, free = self.room, self.ground.free
        if not wanted or free is None or free >= wanted + ROOM_TO_SPARE:
            return None
        missing = wanted + ROOM_TO_SPARE - free
        what = (
            " of disk, for the file and for what it is converted to,"
            if self.convert
            else (" of disk")
        )
        return NoRoom(
            f"{self.choice.reference} needs {size(wanted)}{what} and "
            f"{size(free)} are free: {size(missing)} are missing, "
            f"{size(ROOM_TO_SPARE)} of them to stay free.",
            "Free some room (`herd list` shows what lies there) or set HERD_HOME to a larger disk.",
        )


def plan(choice: Choice, ground: Ground, *, keeps_original: bool = False) -> Plan:
    """What installing the choice would take.

    Args:
        choice: What is to be installed.
        ground: This machine and its store.
        keeps_original: Whether a ggml file stays in the store beside what is made of it.
    """
    reads = choice.variant.format is Format.GGML and not keeps_original
    steps = tuple(_step(file, ground, reads=reads) for file in choice.variant.files)
    return Plan(choice, steps, ground, keeps_original)


def _step(file: File, ground: Ground, *, reads: bool) -> Step:
    digest, size = file.sha256, file.size
    if digest is not None and size is not None and digest in ground.kept:
        return Keep(file, InstalledFile(file.name, size, digest))
    if file in ground.whole:
        return Keep(file, ground.whole[file])
    if reads and isinstance(source := next(iter(file.sources), None), PathSource):
        return Read(file, source.path)
    return Fetch(file, ground.staged.get(file, 0))


_OLD = frozenset([b"lmgg", b"fmgg", b"tjgg", b"algg", b"nsgg"])
"""The magics of ggml, ggmf, ggjt, ggla and ggsn: 32-bit numbers, so their letters are reversed."""


def is_of_format(head: bytes) -> Format:
    """The format of a model by its first four bytes (GGUF v3; llama.cpp's older magics)."""
    if head[:4] == b"GGUF":
        return Format.GGUF
    return Format.GGML if head[:4] in _OLD else Format.RAW
