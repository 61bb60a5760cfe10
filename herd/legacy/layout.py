"""The tensors that a LLaMA has, their names then and now, and how parts make one of them.

RoPE needs no permutation: old files and GGUF both pair neighbours, as Meta did.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from herd.errors import LegacyDamaged

from .blocks import MODERN, Type, block_of
from .facts import Band, Strip, Tensor
from .header import Header
from .reader import AGAIN
from .records import Record

WIDEST_FEED_FORWARD = 1 << 18
DROPPED = frozenset(["rope.freqs"])
"""What can be computed, and so has no place in GGUF."""


class Split(Enum):
    """How a tensor is divided among parts."""

    COPIES = "copies"
    COLUMNS = "columns"
    ROWS = "rows"


@dataclass(frozen=True)
class Found:
    """One file of a model, walked through."""

    path: Path
    called: str
    size: int
    """Bytes."""
    header: Header
    vocabulary: range
    """Where the vocabulary lies in the file, bytes."""
    records: dict[str, Record]

    def damaged(self, what: str) -> LegacyDamaged:
        """The error that says `what` is wrong with this file."""
        return LegacyDamaged(f"{self.called} is damaged: {what}.", AGAIN)

    def record(self, name: str) -> Record:
        """The tensor of this name, which every LLaMA has."""
        if name not in self.records:
            raise self.damaged(f"tensor {name} is missing")
        return self.records[name]


@dataclass(frozen=True)
class _Place:
    name: str
    """In GGUF."""
    shape: str
    """Letters of its sides, the row first: Embedding, Vocabulary, Feed-forward, Keys."""
    split: Split


_OUTER = {
    "tok_embeddings.weight": _Place("token_embd.weight", "EV", Split.COLUMNS),
    "norm.weight": _Place("output_norm.weight", "E", Split.COPIES),
    "output.weight": _Place("output.weight", "EV", Split.ROWS),
}
_INNER = {
    "attention.wq": _Place("attn_q", "EE", Split.ROWS),
    "attention.wk": _Place("attn_k", "EK", Split.ROWS),
    "attention.wv": _Place("attn_v", "EK", Split.ROWS),
    "attention.wo": _Place("attn_output", "EE", Split.COLUMNS),
    "feed_forward.w1": _Place("ffn_gate", "EF", Split.ROWS),
    "feed_forward.w2": _Place("ffn_down", "FE", Split.COLUMNS),
    "feed_forward.w3": _Place("ffn_up", "EF", Split.ROWS),
    "attention_norm": _Place("attn_norm", "E", Split.COPIES),
    "ffn_norm": _Place("ffn_norm", "E", Split.COPIES),
}


def count_parts(first: Found) -> int:
    """How many files the model consists of: columns of the embeddings were dealt among them.

    The size of the model does not say it: alpaca.cpp put 13B and 30B into one file.
    """
    columns = first.record("tok_embeddings.weight").ne[0]
    parts, rest = divmod(first.header.embedding, columns)
    if rest or not 1 <= parts <= 64 or (parts > 1 and first.header.is_aligned):
        raise first.damaged(
            f"its embeddings have {columns:,} columns, not {first.header.embedding:,}"
        )
    return parts


@dataclass(frozen=True)
class Sides:
    """The sides of tensors that the header does not say."""

    feed_forward: int
    keys: int

    def of(self, header: Header) -> dict[str, int]:
        """Every side by its letter."""
        return {
            "E": header.embedding,
            "V": header.vocabulary,
            "F": self.feed_forward,
            "K": self.keys,
        }


def measure(first: Found, parts: int) -> Sides:
    """Take from the first layer what the header does not say.

    Raises:
        LegacyDamaged: no LLaMA has such sides.
    """
    header = first.header
    sides = Sides(
        parts * first.record("layers.0.feed_forward.w1.weight").ne[-1],
        parts * first.record("layers.0.attention.wk.weight").ne[-1],
    )
    if sides.feed_forward > WIDEST_FEED_FORWARD:
        raise first.damaged(f"its feed-forward layers are {sides.feed_forward:,} wide")
    heads, rest = divmod(sides.keys, header.head_width)
    if rest or not heads or header.heads % heads:
        raise first.damaged(f"its keys are {sides.keys:,} wide for {header.heads} heads")
    return sides


def lay_out(parts: Sequence[Found], sides: Sides) -> tuple[Tensor, ...]:
    """Every tensor of the model, in the order of the first part.

    Raises:
        LegacyDamaged: a tensor is missing, foreign or of the wrong shape.
    """
    first = parts[0]
    places = dict(_places(first.header))
    for part in parts:
        _check_names(part, places)
    lengths = sides.of(first.header)
    return tuple(
        _tensor(parts, name, places[name], lengths) for name in first.records if name in places
    )


def _places(header: Header) -> Iterator[tuple[str, _Place]]:
    yield from _OUTER.items()
    for layer in range(header.layers):
        for name, place in _INNER.items():
            inner = _Place(f"blk.{layer}.{place.name}.weight", place.shape, place.split)
            yield f"layers.{layer}.{name}.weight", inner


def _check_names(part: Found, places: dict[str, _Place]) -> None:
    if missing := next((name for name in places if name not in part.records), None):
        raise part.damaged(f"tensor {missing} is missing")
    foreign = (name for name in part.records if name not in places and name not in DROPPED)
    if name := next(foreign, None):
        raise part.damaged(f"no LLaMA has a tensor {name}")


def _tensor(parts: Sequence[Found], name: str, place: _Place, lengths: dict[str, int]) -> Tensor:
    ne = tuple(lengths[letter] for letter in place.shape)
    kind = parts[0].records[name].type
    for part in parts:
        _check_shape(part, part.records[name], kind, _share(ne, place.split, len(parts)))
    if len(ne) == 1 and kind.is_quantised:
        raise parts[0].damaged(f"tensor {name} is quantised")
    target = Type.F32 if len(ne) == 1 else kind.target
    size = math.prod(ne) // MODERN[target].elements * MODERN[target].size
    bands = _bands([part.records[name] for part in parts], place.split, parts[0].header)
    return Tensor(place.name, ne, kind, target, bands, size)


def _share(ne: tuple[int, ...], split: Split, parts: int) -> tuple[int, ...] | None:
    """The sides of a part's share, None where it cannot be divided."""
    match split:
        case Split.COPIES:
            return ne
        case Split.COLUMNS:
            return None if ne[0] % parts else (ne[0] // parts, ne[1])
        case Split.ROWS:
            return None if ne[1] % parts else (ne[0], ne[1] // parts)


def _check_shape(part: Found, record: Record, kind: Type, wanted: tuple[int, ...] | None) -> None:
    if record.ne != wanted:
        found, expected = _sides(record.ne), _sides(wanted) if wanted else "a divisible shape"
        raise part.damaged(f"tensor {record.name} is {found}, not {expected}")
    if record.type is not kind:
        raise part.damaged(f"tensor {record.name} has another type than in the first part")


def _sides(ne: tuple[int, ...]) -> str:
    return " x ".join(f"{side:,}" for side in ne)


def _bands(records: Sequence[Record], split: Split, header: Header) -> tuple[Band, ...]:
    block = block_of(records[0].type, header.era)
    strips = [
        Strip(part, record.offset, record.ne[0] // block.elements * block.size)
        for part, record in enumerate(records)
    ]
    rows = math.prod(records[0].ne[1:])
    match split:
        case Split.COPIES:
            return (Band(rows, (strips[0],)),)
        case Split.COLUMNS:
            return (Band(rows, tuple(strips)),)
        case Split.ROWS:
            return tuple(Band(rows, (strip,)) for strip in strips)
