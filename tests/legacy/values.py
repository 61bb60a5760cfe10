"""What blocks mean, element by element, from the tables of the formats: slow and plain."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .old_file import F16, F32, FORMS, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0

MODERN = {"F32": F32, "F16": F16, "Q4_0": Q4_0, "Q4_1": Q4_1, "Q5_0": Q5_0, "Q5_1": Q5_1}
MODERN |= {"Q8_0": Q8_0}


def values(content: bytes, kind: int, era: int) -> list[float]:
    """Every weight, as a program of that era computed it (era 3 is today's)."""
    if kind in (F32, F16):
        return [each[0] for each in struct.iter_unpack("<f" if kind == F32 else "<e", content)]
    elements, form = FORMS[era][kind]
    size = struct.calcsize(f"<{form}")
    blocks = (content[at : at + size] for at in range(0, len(content), size))
    return [value for block in blocks for value in _block(block, kind, form, elements, era)]


def _block(block: bytes, kind: int, form: str, elements: int, era: int) -> Iterator[float]:
    *numbers, rest = struct.unpack(f"<{form}", block)
    scale, minimum = numbers[0], numbers[1] if len(numbers) > 1 else None
    if kind == Q8_0:
        yield from (scale * each for each in struct.unpack("<32b", rest))
        return
    fifth = 0
    if kind in (Q5_0, Q5_1):
        fifth, rest = int.from_bytes(rest[:4], "little"), rest[4:]
    middle = 16 if kind == Q5_0 else 8
    for at in range(elements):
        integer = _nibble(rest, at, era) | (fifth >> at & 1) << 4
        yield scale * (integer - middle) if minimum is None else scale * integer + minimum


def _nibble(nibbles: bytes, at: int, era: int) -> int:
    if era == 1:
        return nibbles[at // 2] >> 4 * (at % 2) & 15
    return nibbles[at % 16] >> 4 * (at // 16) & 15
