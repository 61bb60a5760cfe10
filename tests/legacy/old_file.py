"""Old files made by hand, as the programs of 2023 wrote them; nothing here is herd's reader.

A model of 32 columns and one layer, small enough to read in a debugger. Quantised weights are
random nibbles under random scales.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

MAGICS = {"ggml": b"lmgg", "ggmf": b"fmgg", "ggjt": b"tjgg"}
F32, F16, Q4_0, Q4_1, Q4_2, Q4_3, Q5_0, Q5_1, Q8_0 = range(9)

_FIVE_BITS = {F16: (1, "e"), Q5_0: (32, "e20s"), Q5_1: (32, "ee20s")}
_WIDE_SCALES = {Q4_0: (32, "f16s"), Q4_1: (32, "ff16s"), Q8_0: (32, "f32s")}
FORMS: dict[int, dict[int, tuple[int, str]]] = {
    1: {**_FIVE_BITS, **_WIDE_SCALES, Q4_2: (16, "e8s"), Q4_3: (16, "ee8s")},
    2: {**_FIVE_BITS, **_WIDE_SCALES},
    3: {**_FIVE_BITS, Q4_0: (32, "e16s"), Q4_1: (32, "ee16s"), Q8_0: (32, "e32s")},
}
"""Elements of a block, and its scale, minimum and integers, by era and type."""

Piece = tuple[bytes, float]


def pieces(count: int = 300) -> list[Piece]:
    """The first pieces of a vocabulary, as LLaMA has them."""
    first = [" \u2047 ".encode(), b"", b"", *(bytes([value]) for value in range(256))]
    more = [b" word%d" % number for number in range(259, count)]
    return [(text, 0.0) for text in first] + [(text, -float(at)) for at, text in enumerate(more)]


@dataclass(frozen=True)
class Weights:
    name: str
    ne: tuple[int, ...]
    type: int
    content: bytes


@dataclass(frozen=True)
class OldFile:
    magic: str = "ggml"
    version: int = 0
    tokens: int = 300
    embedding: int = 32
    multiple: int = 32
    heads: int = 2
    layers: int = 1
    rotary: int = 16
    ftype: int = 2
    pieces: list[Piece] = field(default_factory=pieces)
    weights: list[Weights] = field(default_factory=list)
    tail: bytes = b""

    @property
    def bytes(self) -> bytes:
        numbers = (self.tokens, self.embedding, self.multiple, self.heads, self.layers)
        content = MAGICS[self.magic]
        content += struct.pack("<I", self.version) if self.version else b""
        content += struct.pack("<7i", *numbers, self.rotary, self.ftype)
        for text, score in self.pieces:
            content += struct.pack("<I", len(text)) + text
            content += struct.pack("<f", score) if self.version else b""
        for each in self.weights:
            content += struct.pack("<3i", len(each.ne), len(each.name), each.type)
            content += struct.pack(f"<{len(each.ne)}i", *each.ne) + each.name.encode()
            content += bytes(-len(content) % 32) if self.magic == "ggjt" else b""
            content += each.content
        return content + self.tail

    def write(self, folder: Path, name: str = "old.bin") -> Path:
        path = folder / name
        path.write_bytes(self.bytes)
        return path

    def weight(self, name: str) -> Weights:
        return next(each for each in self.weights if each.name == name)

    def with_weight(self, name: str, new: Weights) -> OldFile:
        return replace(self, weights=[new if each.name == name else each for each in self.weights])

    def without(self, name: str) -> OldFile:
        return replace(self, weights=[each for each in self.weights if each.name != name])


def shapes(
    tokens: int, width: int = 32, keys: int = 32, wide: int = 64
) -> dict[str, tuple[int, ...]]:
    layer = {
        "attention.wq": (width, width),
        "attention.wk": (width, keys),
        "attention.wv": (width, keys),
        "attention.wo": (width, width),
        "feed_forward.w1": (width, wide),
        "feed_forward.w2": (wide, width),
        "feed_forward.w3": (width, wide),
        "attention_norm": (width,),
        "ffn_norm": (width,),
    }
    return {
        "tok_embeddings.weight": (width, tokens),
        "norm.weight": (width,),
        "output.weight": (width, tokens),
        **{f"layers.0.{name}.weight": ne for name, ne in layer.items()},
    }


def random_weights(kind: int, ne: tuple[int, ...], era: int, chance: random.Random) -> bytes:
    """Random blocks; 1-D tensors are F32 whatever the kind."""
    count = ne[0] * (ne[1] if len(ne) > 1 else 1)
    if len(ne) == 1 or kind == F32:
        return struct.pack(f"<{count}f", *(chance.uniform(-1, 1) for _ in range(count)))
    elements, form = FORMS[era][kind]
    numbers = [chance.uniform(0.01, 1) for _ in form[:2] if _ in "ef"]
    size = struct.calcsize(f"<{form}") - struct.calcsize(f"<{form[: len(numbers)]}")
    blocks = []
    for _ in range(count // elements):
        numbers = [chance.uniform(0.01, 1) for _ in numbers]
        rest = [chance.randbytes(size)] if size else []
        blocks.append(struct.pack(f"<{form}", *numbers, *rest))
    return b"".join(blocks)


def old_file(
    magic: str = "ggml", version: int = 0, kind: int = Q4_0, keys: int = 32, tokens: int = 300
) -> OldFile:
    """A whole file of one kind of weights."""
    era = version if magic == "ggjt" else 1
    chance = random.Random(f"{magic}{version}{kind}")
    weights = [
        Weights(name, ne, F32 if len(ne) == 1 else kind, random_weights(kind, ne, era, chance))
        for name, ne in shapes(tokens, keys=keys).items()
    ]
    return OldFile(magic, version, tokens=tokens, pieces=pieces(tokens), weights=weights)
