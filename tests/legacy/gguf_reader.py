"""A plain reader of GGUF v3, written from its description and not from herd's writer."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0"}
TYPES |= {10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K"}
BLOCKS = {"F32": (1, 4), "F16": (1, 2), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22)}
BLOCKS |= {"Q5_1": (32, 24), "Q8_0": (32, 34), "Q2_K": (256, 84), "Q3_K": (256, 110)}
BLOCKS |= {"Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210)}
PLAIN = {4: "I", 5: "i", 6: "f", 7: "?"}


@dataclass(frozen=True)
class Weights:
    type: str
    ne: list[int]
    content: bytes


@dataclass(frozen=True)
class Read:
    keys: dict[str, Any]  # as many types as GGUF has
    tensors: dict[str, Weights]


class _Cursor:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def take(self, count: int) -> bytes:
        taken = self.content[self.at : self.at + count]
        assert len(taken) == count
        self.at += count
        return taken

    def one(self, form: str) -> Any:  # what the form says
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))[0]

    def text(self) -> bytes:
        return self.take(self.one("Q"))

    def value(self, kind: int) -> Any:  # what the kind says
        if kind == 8:
            return self.text()
        if kind == 9:
            inner, count = self.one("I"), self.one("Q")
            return [self.value(inner) for _ in range(count)]
        return self.one(PLAIN[kind])


def read_gguf(path: Path) -> Read:
    cursor = _Cursor(path.read_bytes())
    assert cursor.take(4) == b"GGUF"
    assert cursor.one("I") == 3
    tensor_count, key_count = cursor.one("Q"), cursor.one("Q")
    keys = {cursor.text().decode(): cursor.value(cursor.one("I")) for _ in range(key_count)}
    places = [_place(cursor) for _ in range(tensor_count)]
    start = cursor.at + -cursor.at % 32
    tensors: dict[str, Weights] = {}
    end = start
    for name, ne, kind, offset in places:
        elements, size = BLOCKS[kind]
        cursor.at = start + offset
        assert cursor.at % 32 == 0
        assert cursor.at == end, "tensors lie one after the other"
        count = ne[0] * (ne[1] if len(ne) > 1 else 1)
        tensors[name] = Weights(kind, ne, cursor.take(count // elements * size))
        end = cursor.at + -cursor.at % 32
    assert end == len(cursor.content)
    return Read(keys, tensors)


def _place(cursor: _Cursor) -> tuple[str, list[int], str, int]:
    name = cursor.text().decode()
    ne = [cursor.one("Q") for _ in range(cursor.one("I"))]
    return name, ne, TYPES[cursor.one("I")], cursor.one("Q")
