"""How weights lie in blocks: the types, and the fields of a block in each era.

A field is a name and a numpy format. `d` is the scale, `m` the minimum, `h` the fifth bits,
`a` and `b` the nibbles in two halves, `q*` whole bytes. A block converts by copying each field
into the field of the same name; the nibbles of V1 also change their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from .kind import Kind


class Era(IntEnum):
    """A layout of blocks; each ended with a change that made all older files unreadable."""

    V1 = 1
    """ggml, ggmf, ggjt 1: f32 scales, a byte holds two neighbours."""
    V2 = 2
    """ggjt 2, 2023-05-12: a byte holds elements that are half a block apart."""
    V3 = 3
    """ggjt 3, 2023-05-19: f16 scales. The layout of GGUF."""


class Type(IntEnum):
    """Types of weights under the numbers that files use, the same in GGUF."""

    F32 = 0
    F16 = 1
    Q4_0 = 2
    Q4_1 = 3
    Q4_2 = 4
    """ggjt 1 only, until 2023-05-12."""
    Q4_3 = 5
    """ggjt 1 only, eight days of April 2023."""
    Q5_0 = 6
    Q5_1 = 7
    Q8_0 = 8
    Q2_K = 10
    Q3_K = 11
    Q4_K = 12
    Q5_K = 13
    Q6_K = 14

    @property
    def is_quantised(self) -> bool:
        """Whether it is made of blocks with a scale."""
        return self not in (Type.F32, Type.F16)

    @property
    def target(self) -> Type:
        """The type in GGUF. Nothing modern holds two f16 scales for 32 nibbles: Q8_0 comes near."""
        return Type.Q8_0 if self in (Type.Q4_2, Type.Q4_3) else self


Fields = tuple[tuple[str, str], ...]

_BYTES = {"f2": 2, "f4": 4, "u4": 4, "u8": 8}
_NIBBLES: Fields = (("a", "<u8"), ("b", "<u8"))
_EIGHT_BITS: Fields = tuple((f"q{at}", "<u8") for at in range(4))
_FIFTH: Fields = (("h", "<u4"),)


@dataclass(frozen=True)
class Block:
    """One block of one type in one era."""

    elements: int
    size: int
    """Bytes."""
    fields: Fields = ()
    """Empty where the block is copied as it is."""
    scales: tuple[int, ...] = ()
    """Where f16 scales lie in a modern block, in bytes."""


def _block(elements: int, *fields: tuple[str, str]) -> Block:
    size = sum(_BYTES[form[1:]] for _, form in fields)
    ends = {"d": 0, "m": 2}
    scales = tuple(ends[name] for name, form in fields if name in ends and form == "<f2")
    return Block(elements, size, fields, scales)


_D2, _D4, _M2, _M4 = ("d", "<f2"), ("d", "<f4"), ("m", "<f2"), ("m", "<f4")

MODERN: dict[Type, Block] = {
    Type.F32: Block(1, 4),
    Type.F16: Block(1, 2, scales=(0,)),
    Type.Q4_0: _block(32, _D2, *_NIBBLES),
    Type.Q4_1: _block(32, _D2, _M2, *_NIBBLES),
    Type.Q5_0: _block(32, _D2, *_FIFTH, *_NIBBLES),
    Type.Q5_1: _block(32, _D2, _M2, *_FIFTH, *_NIBBLES),
    Type.Q8_0: _block(32, _D2, *_EIGHT_BITS),
    Type.Q2_K: Block(256, 84, scales=(80, 82)),
    Type.Q3_K: Block(256, 110, scales=(108,)),
    Type.Q4_K: Block(256, 144, scales=(0, 2)),
    Type.Q5_K: Block(256, 176, scales=(0, 2)),
    Type.Q6_K: Block(256, 210, scales=(208,)),
}

_WITH_F32_SCALES: dict[Type, Block] = {
    Type.Q4_0: _block(32, _D4, *_NIBBLES),
    Type.Q4_1: _block(32, _D4, _M4, *_NIBBLES),
    Type.Q4_2: _block(16, _D2, ("a", "<u8")),
    Type.Q4_3: _block(16, _D2, _M2, ("a", "<u8")),
    Type.Q8_0: _block(32, _D4, *_EIGHT_BITS),
}

_FLOATS = frozenset([Type.F32, Type.F16])
_FIRST = _FLOATS | {Type.Q4_0, Type.Q4_1}
_SECOND = _FIRST | {Type.Q5_0, Type.Q5_1, Type.Q8_0}
_KNOWN: dict[tuple[Kind, int], frozenset[Type]] = {
    (Kind.GGML, 0): _FIRST,
    (Kind.GGMF, 1): _FIRST,
    (Kind.GGJT, 1): _SECOND | {Type.Q4_2, Type.Q4_3},
    (Kind.GGJT, 2): _SECOND,
    (Kind.GGJT, 3): _SECOND | {Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K},
}


def known_types(kind: Kind, version: int) -> frozenset[Type]:
    """The types that files of this kind and version can hold."""
    return _KNOWN[kind, version]


def block_of(kind: Type, era: Era) -> Block:
    """The block of a type as it lay in files of an era."""
    if era is Era.V3 or kind not in _WITH_F32_SCALES:
        return MODERN[kind]
    return _WITH_F32_SCALES[kind]
