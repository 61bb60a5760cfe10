"""The first bytes of a file: magic, version and seven numbers, and whether a LLaMA can have them.

Other programs wrote other models under the same magics, so that nothing here is believed
before it is plausible.
"""

from __future__ import annotations

from dataclasses import dataclass

from herd.errors import LegacyError, LegacyRefused

from .blocks import Era
from .kind import MAGICS, Kind
from .reader import Reader

VERSIONS = {Kind.GGML: (0,), Kind.GGMF: (1,), Kind.GGJT: (1, 2, 3)}

BYTE_TOKENS = range(3, 259)
"""Ids of the tokens for single bytes; llama.cpp ends the process where one is missing."""

MOST_TOKENS, MOST_LAYERS, WIDEST, LAST_FTYPE = 1 << 20, 512, 1 << 16, 18


@dataclass(frozen=True)
class Header:
    """What a file says of itself before its vocabulary."""

    kind: Kind
    version: int
    """0 for unversioned ggml."""
    vocabulary: int
    """Tokens; the list may be one shorter (GPT4All)."""
    embedding: int
    multiple: int
    """Rounds the width of the feed-forward layers; the tensors say it better."""
    heads: int
    layers: int
    rotary: int
    """Obsolete: the width of a head, or a constant 64 in the first files."""
    ftype: int
    """What quantize was asked for; the tensors carry their own types."""

    @property
    def era(self) -> Era:
        """How blocks of weights are laid out in this file."""
        return Era(self.version) if self.kind is Kind.GGJT else Era.V1

    @property
    def has_scores(self) -> bool:
        """Whether each token comes with its score."""
        return self.kind is not Kind.GGML

    @property
    def is_aligned(self) -> bool:
        """Whether tensors begin at multiples of 32 bytes."""
        return self.kind is Kind.GGJT

    @property
    def head_width(self) -> int:
        """Elements of one attention head."""
        return self.embedding // self.heads

    @property
    def container(self) -> str:
        """Magic and version as people say them: `ggml`, `ggjt v3`."""
        return f"{self.kind} v{self.version}" if self.version else str(self.kind)


def read_header(reader: Reader) -> Header:
    """Read the header; the reader then stands before the vocabulary.

    Raises:
        LegacyRefused: the file is something else than an old model.
        LegacyDamaged: it is too short, or its numbers are not those of a LLaMA.
    """
    kind = _kind(reader)
    version = reader.numbers(1, "its header")[0] if kind is not Kind.GGML else 0
    if version not in VERSIONS[kind]:
        raise _unknown_version(reader, kind, version)
    header = Header(kind, version, *reader.numbers(7, "its header"))
    if wrong := _implausible(header):
        raise reader.damaged(f"its header says {wrong}")
    return header


def _kind(reader: Reader) -> Kind:
    magic = reader.some(4)
    kind = MAGICS.get(magic)
    if kind is not None and kind.is_model:
        return kind
    raise _not_a_model(reader, magic, kind)


def _not_a_model(reader: Reader, magic: bytes, kind: Kind | None) -> LegacyError:
    called = reader.called
    if kind is Kind.GGLA:
        return LegacyRefused(
            f"{called} is a LoRA adapter (ggla), not a model.",
            "Look for the model that it was merged into.",
        )
    if kind is Kind.GGSN:
        return LegacyRefused(
            f"{called} is a saved session of llama.cpp (ggsn), not a model.",
            "Name the model file instead.",
        )
    if magic == b"GGUF":
        return LegacyRefused(
            f"{called} is GGUF already: there is nothing to convert.", "Use it as it is."
        )
    if len(magic) < 4:
        return reader.damaged("it is empty") if not magic else reader.ends_in("its magic")
    return LegacyRefused(
        f"{called} is not a ggml file.", "herd converts ggml, ggmf and ggjt files."
    )


def _unknown_version(reader: Reader, kind: Kind, version: int) -> LegacyError:
    known = " and ".join(str(each) for each in VERSIONS[kind])
    return LegacyRefused(
        f"{reader.called} is {kind} version {version}, which no llama.cpp ever wrote.",
        f"herd knows {kind} {known.replace(' and ', ', ', known.count(' and ') - 1)}.",
    )


def _implausible(header: Header) -> str | None:
    """The first number that no LLaMA has, as words for a message; None if all are fine."""
    rules = {
        f"{header.vocabulary:,} tokens": BYTE_TOKENS.stop <= header.vocabulary <= MOST_TOKENS,
        f"{header.layers:,} layers": 1 <= header.layers <= MOST_LAYERS,
        f"embeddings of {header.embedding:,}": 1 <= header.embedding <= WIDEST,
        f"{header.heads:,} heads": 1 <= header.heads <= header.embedding,
        f"file type {header.ftype:,}": header.ftype <= LAST_FTYPE,
    }
    wrong = next((words for words, holds in rules.items() if not holds), None)
    if wrong:
        return wrong
    width, rest = divmod(header.embedding, header.heads)
    if rest or width % 2:
        return f"{header.heads} heads for embeddings of {header.embedding}"
    if header.rotary not in (width, 64):
        return f"{header.rotary:,} rotary dimensions for heads of {width}"
    return None
