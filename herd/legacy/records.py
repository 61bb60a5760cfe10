"""The tensors of one file: a record after the other until the file ends, no count, no index."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .blocks import Era, Type, block_of, known_types
from .header import Header
from .kind import Kind
from .reader import Reader

ALIGNMENT = 32
LONGEST_NAME = 256
LONGEST_SIDE = 1 << 31
_NAME = re.compile(rb"[!-~]+")
_Q8_0_FTYPE = 7


@dataclass(frozen=True)
class Record:
    """A tensor as it lies in one file."""

    name: str
    type: Type
    ne: tuple[int, ...]
    """The length of a row first."""
    offset: int
    """Where its first byte lies in the file."""
    size: int
    """Bytes."""


def read_records(reader: Reader, header: Header) -> dict[str, Record]:
    """Read every record from where the reader stands, and none of the weights.

    Raises:
        LegacyDamaged: a record cannot be true, or the file ends inside one.
    """
    records: dict[str, Record] = {}
    most = 9 * header.layers + 4
    while reader.left:
        if reader.left < 12:
            raise reader.damaged(f"{reader.left} bytes follow its last tensor")
        record = _read_record(reader, header)
        if record.name in records:
            raise reader.damaged(f"tensor {record.name} comes twice")
        if len(records) == most:
            raise reader.damaged(f"it has more than the {most} tensors of its header's layers")
        records[record.name] = record
        reader.go(record.offset + record.size)
    return records


def _read_record(reader: Reader, header: Header) -> Record:
    sides, length, number = reader.numbers(3, "a tensor's record")
    if sides not in (1, 2):
        raise reader.damaged(f"a tensor claims {sides:,} dimensions")
    if not 1 <= length <= LONGEST_NAME:
        raise reader.damaged(f"a tensor's name claims {length:,} bytes")
    ne = reader.numbers(sides, "a tensor's record")
    text = reader.take(length, "a tensor's name")
    if not _NAME.fullmatch(text):
        raise reader.damaged("a tensor's name is not a name")
    name = text.decode("ascii")
    kind = _type_of(number, header)
    if kind is None:
        raise reader.damaged(f"tensor {name} has type {number}, unknown to {header.container}")
    if any(not 1 <= side < LONGEST_SIDE for side in ne):
        raise reader.damaged(f"tensor {name} claims a side of {max(ne):,}")
    return _placed(reader, header, Record(name, kind, ne, 0, 0))


def _type_of(number: int, header: Header) -> Type | None:
    """The type under this number in this file, None if such a file cannot hold it.

    For a day (2023-04-25) Q8_0 had the number that Q5_0 got on the next.
    """
    is_of_that_day = header.kind is Kind.GGJT and header.era is Era.V1
    if is_of_that_day and header.ftype == _Q8_0_FTYPE and number == Type.Q5_0:
        return Type.Q8_0
    known = known_types(header.kind, header.version)
    return Type(number) if number in known else None


def _placed(reader: Reader, header: Header, record: Record) -> Record:
    block = block_of(record.type, header.era)
    target = block_of(record.type.target, Era.V3)
    if record.ne[0] % block.elements or record.ne[0] % target.elements:
        raise reader.damaged(
            f"tensor {record.name} has rows of {record.ne[0]:,},"
            f" no multiple of the {max(block.elements, target.elements)} of {record.type.name}"
        )
    size = math.prod(record.ne) // block.elements * block.size
    offset = reader.position
    if header.is_aligned:
        offset += -offset % ALIGNMENT
    if offset + size > reader.size:
        raise reader.ends_in(f"tensor {record.name}")
    return Record(record.name, record.type, record.ne, offset, size)
