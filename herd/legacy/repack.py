"""Blocks of weights from their old layouts into those of GGUF.

Nothing is quantised anew but Q4_2 and Q4_3: scales are rounded from f32 to f16 (to nearest,
even), the integers stay as they are. Work goes in chunks that stay in a processor's cache, on
arrays that are made once: a fresh array for every step cost more than the steps (0.4 against
2 GB/s).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .blocks import MODERN, Block, Era, Type, block_of

Bytes = NDArray[np.uint8]

_FOUR = np.uint64(4)
_LOW_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_EXPONENT_16, _EXPONENT_32 = 0x7C00, 0x7F800000

Repack = Callable[[Bytes, Bytes], None]
"""Fills the second array from the first: whole blocks, as many in both."""


def repacker(kind: Type, target: Type, era: Era) -> Repack | None:
    """What turns blocks of a type of an era into those of its target; None: they are the same."""
    if kind is Type.F16 and target is Type.F32:
        return _widen
    if kind is not target:
        return Requantise(block_of(kind, era))
    old, new = block_of(kind, era), MODERN[target]
    has_nibbles = any(name == "a" for name, _ in old.fields)
    if old is new and not (has_nibbles and era is Era.V1):
        return None
    return Move(old, new, has_pairs=has_nibbles and era is Era.V1)


def all_finite(content: Bytes, target: Type) -> bool:
    """Whether every weight, or every scale of every block, is a number."""
    if target is Type.F32:
        words = content.view("<u4") & np.uint32(_EXPONENT_32)
        return not bool((words == _EXPONENT_32).any())
    block = MODERN[target]
    halves = content.view("<u2").reshape(-1, block.size // 2)
    return not any(
        bool(((halves[:, at // 2] & np.uint16(_EXPONENT_16)) == _EXPONENT_16).any())
        for at in block.scales
    )


def _widen(old: Bytes, new: Bytes) -> None:
    new.view("<f4")[:] = old.view("<f2")


class Scratch:
    """Arrays that are made once and grow when they must."""

    def __init__(self) -> None:
        self._arrays: dict[str, Bytes] = {}

    def take(self, name: str, size: int) -> Bytes:
        """The first `size` bytes of the array of this name; what is in them is left over."""
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, np.uint8)
        return self._arrays[name][:size]


class Nibbles:
    """Nibbles of neighbours, as V1 paired them, each in a byte of its own."""

    def __init__(self) -> None:
        self._scratch = Scratch()
        self._packed = np.empty(0, np.uint8)

    def room(self, eights: int) -> NDArray[np.uint64]:
        """Room for `eights` times eight bytes, to be filled before they are spread."""
        self._packed = self._scratch.take("packed", 8 * eights)
        return self._packed.view("<u8")

    def spread(self) -> NDArray[np.uint64]:
        """Give each byte in the room two, the low nibble in the first, for eight at once."""
        wide = self._scratch.take("wide", 2 * self._packed.size)
        wide.view("<u2")[:] = self._packed
        words: NDArray[np.uint64] = wide.view("<u8")
        moved = self._scratch.take("moved", wide.size).view("<u8")
        np.left_shift(words, _FOUR, out=moved)
        np.bitwise_or(words, moved, out=words)
        np.bitwise_and(words, _LOW_NIBBLES, out=words)
        return words


class Move:
    """Copies field by field; the order of nibbles changes where they stood in pairs.

    V1 has elements 2j and 2j+1 in byte j, GGUF has j and j+16 there. So the first half of the
    old bytes gives all low nibbles, the second half all high ones.
    """

    def __init__(self, old: Block, new: Block, *, has_pairs: bool) -> None:
        self._old = np.dtype(list(old.fields))
        self._new = np.dtype(list(new.fields))
        self._has_pairs = has_pairs
        self._straight = [name for name, _ in new.fields if not (has_pairs and name in ("a", "b"))]
        self._nibbles = Nibbles()

    def __call__(self, old: Bytes, new: Bytes) -> None:
        """Fill `new` from `old`; scales beyond f16 become infinite."""
        source, target = old.view(self._old), new.view(self._new)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for name in self._straight:
                target[name] = source[name]
        if self._has_pairs:
            self._part(source, target)

    def _part(self, source: NDArray[np.void], target: NDArray[np.void]) -> None:
        count = len(source)
        packed = self._nibbles.room(2 * count)
        packed[:count], packed[count:] = source["a"], source["b"]
        words = self._nibbles.spread()
        low, high = words[: 2 * count], words[2 * count :]
        np.left_shift(high, _FOUR, out=high)
        np.bitwise_or(low, high, out=low)
        target["a"], target["b"] = low[0::2], low[1::2]


class Requantise:
    """Q4_2 and Q4_3 into Q8_0: two blocks of 16 become one of 32 with eight bits.

    The scale is chosen after its rounding to f16, and rounded up where 127 of it would not
    reach, so that no weight moves by more than half a step. A block stands in a column
    meanwhile: numpy is slow at many short rows (a maximum of 32: 59 ns against 2).
    """

    def __init__(self, old: Block) -> None:
        self._old = np.dtype(list(old.fields))
        self._new = np.dtype([("d", "<f2"), ("q", "i1", (32,))])
        self._has_minimum = "m" in (self._old.names or ())
        self._nibbles = Nibbles()
        self._scratch = Scratch()

    def __call__(self, old: Bytes, new: Bytes) -> None:
        """Fill `new` from `old`; scales that are no numbers stay none."""
        source, target = old.view(self._old), new.view(self._new)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            weights = self._weights(source)
            scales = _scales(self._largest(weights))
            target["d"] = scales
            steps = scales.astype("<f4")
            steps[(steps == 0) | ~np.isfinite(steps)] = 1
            weights /= np.repeat(steps, 2)
            np.rint(weights, out=weights)
            integers = self._scratch.take("integers", weights.size).view(np.int8)
            columns = integers.reshape(weights.shape)
            columns[:] = weights
            target["q"] = columns.T.reshape(-1, 32)

    def _weights(self, source: NDArray[np.void]) -> NDArray[np.float32]:
        """float32[16, blocks]."""
        count = len(source)
        self._nibbles.room(count)[:] = source["a"]
        rows = self._nibbles.spread().view(np.uint8).reshape(count, 16)
        integers = self._scratch.take("integers", 16 * count).reshape(16, count)
        integers[:] = rows.T
        weights = self._scratch.take("weights", 64 * count).view("<f4").reshape(16, count)
        weights[:] = integers
        if self._has_minimum:
            weights *= source["d"].astype("<f4")
            weights += source["m"].astype("<f4")
        else:
            weights -= 8
            weights *= source["d"].astype("<f4")
        return weights

    def _largest(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The largest absolute value of each two neighbouring blocks."""
        sizes = self._scratch.take("sizes", weights.nbytes).view("<f4").reshape(weights.shape)
        largest = np.abs(weights, out=sizes).max(axis=0)
        of_both: NDArray[np.float32] = np.maximum(largest[0::2], largest[1::2])
        return of_both


def _scales(largest: NDArray[np.float32]) -> NDArray[np.float16]:
    scales = (largest / np.float32(127)).astype("<f2")
    reach = scales.astype("<f4") * np.float32(127.49)
    scales.view("<u2")[reach < largest] += 1
    return scales
