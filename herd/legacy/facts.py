"""The values that go in and out: what the file cannot say, what it says, what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from herd.model import Sha256
from herd.pieces import Table

from .blocks import Type
from .header import Header
from .kind import Kind

VERSION = 1
"""Of the converter: another number may make other bytes of the same file."""

UNDER_WAY = ".converting"
"""What the name of a target ends with until it is whole. A killed process leaves such a file,
and the next try to make the same target begins by removing it."""


@dataclass(frozen=True)
class Facts:
    """What a registry or a person knows and the file does not say."""

    name: str
    """`general.name`."""
    description: str | None = None
    context: int = 2048
    """Tokens it was trained on: 2048 for LLaMA, 4096 for LLaMA 2."""
    epsilon: float | None = None
    """Of the RMS norms; None: 1e-6, as LLaMA has it, and 5e-6 for ggjt v3, which may be
    LLaMA 2 with its 1e-5: nothing measurable is lost on either."""
    rope_base: float = 10_000.0
    template: str | None = None
    """A Jinja chat template for the GGUF."""
    called: str | None = None
    """What the person calls the file, for messages; None: its own name."""

    def epsilon_for(self, header: Header) -> float:
        """The epsilon to write for a file with this header."""
        if self.epsilon is not None:
            return self.epsilon
        return 5e-6 if (header.kind, header.version) == (Kind.GGJT, 3) else 1e-6


@dataclass(frozen=True)
class Strip:
    """Rows, or pieces of rows, that lie one after the other in one part."""

    part: int
    offset: int
    """Of the first row in that part, bytes."""
    row_size: int
    """Bytes of one row or piece of a row."""


@dataclass(frozen=True)
class Band:
    """Rows of a tensor that are made of the same strips, from left to right."""

    rows: int
    strips: tuple[Strip, ...]

    @property
    def row_size(self) -> int:
        """Bytes of one whole row in the old layout."""
        return sum(strip.row_size for strip in self.strips)


@dataclass(frozen=True)
class Tensor:
    """A tensor, where it comes from and what it becomes."""

    name: str
    """In GGUF."""
    ne: tuple[int, ...]
    """The length of a row first."""
    type: Type
    """In the old file."""
    target: Type
    """In GGUF."""
    bands: tuple[Band, ...]
    """From top to bottom."""
    size: int
    """Bytes in GGUF."""


@dataclass(frozen=True)
class Legacy:
    """An old model that herd can convert, as it was found without reading its weights."""

    header: Header
    parts: tuple[Path, ...]
    """The files it consists of, in order."""
    size: int
    """Bytes of all parts."""
    feed_forward: int
    """Width of the feed-forward layers."""
    heads_kv: int
    """Heads of keys and values: fewer than heads where these share them."""
    vocabulary: int
    """Tokens, with those that were added."""
    tensors: tuple[Tensor, ...]
    """In the order of the first part."""
    output_size: int
    """Bytes of the GGUF that these facts give."""
    warnings: tuple[str, ...] = ()
    """Sentences about what was guessed."""

    @property
    def quantisation(self) -> str:
        """The type of most weights in the layers, as people write it: `Q4_0`."""
        bytes_of: dict[Type, int] = {}
        for tensor in self.tensors:
            if not tensor.name.startswith("blk."):
                continue  # ftype 4 has only these quantised
            bytes_of[tensor.type] = bytes_of.get(tensor.type, 0) + tensor.size
        return max(bytes_of, key=lambda kind: bytes_of[kind]).name


@dataclass(frozen=True)
class Converted:
    """A GGUF that was written."""

    path: Path
    size: int
    """Bytes."""
    sha256: Sha256
    """Of the GGUF."""
    sources: tuple[Sha256, ...]
    """Of each part, as its bytes were read for this."""
    legacy: Legacy
    seconds: float
    table: Table
    """The pieces of the GGUF."""
    version: int = VERSION
    """Of the converter."""
