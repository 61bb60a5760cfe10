"""Row-planar Q4_0 and Q4_1: a row holds all minimums, then all scales, then all nibbles.

So it was for some days of March 2023, and in alpaca.cpp's Q4_1 for ever. Size, type and magic
are those of the other layout; only the scales tell them apart.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from .blocks import Block, Type
from .repack import Bytes

SAMPLE_ROWS = 64


class Order(Enum):
    """How the blocks of a row lie."""

    BLOCKS = "blocks"
    PLANES = "planes"


def possible_orders(rows: Bytes, block: Block, kind: Type) -> set[Order]:
    """The orders in which all scales make sense; one, unless the rows are damaged or say nothing.

    Args:
        rows: uint8[rows, bytes of a row], the beginning of a tensor.
        block: the block of its type.
        kind: Q4_0 or Q4_1.
    """
    orders = set()
    blocks = rows.reshape(-1, block.size)
    if _is_sensible(blocks[:, :4], blocks[:, 4 : block.size - 16]):
        orders.add(Order.BLOCKS)
    plane = 4 * (rows.shape[1] // block.size)
    first, second = rows[:, :plane], rows[:, plane : 2 * plane]
    scales, minimums = (second, first) if kind is Type.Q4_1 else (first, first)
    if _is_sensible(scales, minimums):
        orders.add(Order.PLANES)
    return orders


def gather(rows: Bytes, block: Block, kind: Type, into: Bytes) -> None:
    """Fill `into`, uint8[rows, bytes of a row], with the blocks of planar rows."""
    count = rows.shape[1] // block.size
    blocks = into.reshape(len(rows), count, block.size)
    heads = ("m", "d") if kind is Type.Q4_1 else ("d",)
    places = {"d": 0, "m": 4}
    for at, name in enumerate(heads):
        plane = rows[:, 4 * count * at : 4 * count * (at + 1)]
        place = places[name]
        blocks[:, :, place : place + 4] = plane.reshape(len(rows), count, 4)
    nibbles = rows[:, 4 * count * len(heads) :].reshape(len(rows), count, 16)
    blocks[:, :, block.size - 16 :] = nibbles


def _is_sensible(scales: Bytes, minimums: Bytes) -> bool:
    """Scales of that time are never negative: the range of a block over 7 or 15."""
    numbers = np.ascontiguousarray(scales).view("<f4")
    others = np.ascontiguousarray(minimums).view("<f4")
    return bool(np.isfinite(numbers).all() and (numbers >= 0).all() and np.isfinite(others).all())
