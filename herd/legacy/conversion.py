"""The conversion itself: one pass over the parts, in the order in which their bytes lie.

While this thread reads, repacks and writes, others take the digests of what went in and of
what came out (`herd.legacy.lanes`): on two cores that costs no time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from herd.errors import Interrupted, LegacyDamaged
from herd.progress import Gauge, Stage

from .blocks import Era, Type, block_of
from .facts import Band, Converted, Facts, Legacy, Tensor
from .gguf import Gguf, padding
from .inspection import Source, examine
from .kind import Kind
from .lanes import Ring, Slot
from .planar import SAMPLE_ROWS, Order, gather, possible_orders
from .reader import AGAIN
from .repack import Bytes, Repack, all_finite, repacker
from .source import CHUNK, Sources
from .target import TargetFile, replacing


def convert(
    source: Source, target: Path, facts: Facts, gauge: Gauge, stop: threading.Event
) -> Converted:
    """Convert an old model into GGUF; the same bytes and facts give the same file.

    Args:
        source: the first file (others are looked for beside it) or all files in order.
        target: the GGUF to write; replaced if it exists.
        facts: what the file does not say.
        gauge: moves over the bytes of the source.
        stop: set it, and the conversion ends within a tenth of a second.

    Raises:
        LegacyRefused, LegacyDamaged: before the target is touched.
        LegacyError: the source cannot be read.
        NoRoom, CannotWrite: the target cannot be written.
        Interrupted: `stop` was set. Whatever is raised, no file is left.
    """
    begun = time.monotonic()
    legacy, head = examine(source, facts)
    called = facts.called or legacy.parts[0].name
    gauge.begin(Stage.CONVERTING, legacy.size, note=called)
    with Sources(legacy.parts, called, gauge.advance) as sources:
        work = _Pass(legacy, sources, called, stop)
        with replacing(target, legacy.output_size, called) as file:
            work.run(head, file)
            proof = file.finish()
            origins = tuple(part.finish() for part in sources.parts)
    seconds = time.monotonic() - begun
    return Converted(target, head.size, proof.sha256, origins, legacy, seconds, table=proof.table())


class _Pass:
    """Everything that the pass over the tensors needs."""

    def __init__(
        self, legacy: Legacy, sources: Sources, called: str, stop: threading.Event
    ) -> None:
        self._legacy = legacy
        self._sources = sources
        self._called = called
        self._stop = stop
        self._gathered = Ring()
        self._repacked = Ring()
        self._repackers: dict[tuple[Type, Type], Repack | None] = {}
        self._is_planar = self._order() is Order.PLANES

    @property
    def _era(self) -> Era:
        return self._legacy.header.era

    def run(self, head: Gguf, file: TargetFile) -> None:
        for chunk in head.chunks:
            file.write(chunk)
        for tensor in self._legacy.tensors:
            for slot in self._convert(tensor):
                file.write_slot(slot)
            file.write(bytes(padding(tensor.size)))

    def _convert(self, tensor: Tensor) -> Iterator[Slot]:
        repack = self._repacker(tensor)
        for old in self._chunks(tensor):
            if self._stop.is_set():
                raise Interrupted(f"Converting {self._called} was stopped.")
            new = old if repack is None else self._repack(repack, tensor, old)
            if not all_finite(new.content, tensor.target):
                raise self._damaged(f"tensor {tensor.name} holds what is no number")
            yield new

    def _repacker(self, tensor: Tensor) -> Repack | None:
        kinds = (tensor.type, tensor.target)
        if kinds not in self._repackers:
            self._repackers[kinds] = repacker(*kinds, self._era)
        return self._repackers[kinds]

    def _repack(self, repack: Repack, tensor: Tensor, old: Slot) -> Slot:
        before = block_of(tensor.type, self._era)
        after = block_of(tensor.target, Era.V3)
        elements = old.content.size // before.size * before.elements
        new = self._repacked.next()
        repack(old.content, new.take(elements // after.elements * after.size))
        return new

    def _chunks(self, tensor: Tensor) -> Iterator[Slot]:
        """The tensor in whole rows, as blocks in the layout of its era."""
        for band in tensor.bands:
            at_once = max(1, CHUNK // band.row_size)
            for first in range(0, band.rows, at_once):
                yield self._rows(tensor, band, first, min(at_once, band.rows - first))

    def _rows(self, tensor: Tensor, band: Band, first: int, count: int) -> Slot:
        is_planar = self._is_planar and tensor.type.is_quantised
        if len(band.strips) == 1 and not is_planar:
            return self._read(band, 0, first, count)
        slot = self._gathered.next()
        whole = slot.take(count * band.row_size).reshape(count, band.row_size)
        left = 0
        for number, strip in enumerate(band.strips):
            piece = self._read(band, number, first, count).content.reshape(count, -1)
            place = whole[:, left : left + strip.row_size]
            if is_planar:
                self._unplane(tensor, piece, place)
            else:
                place[:] = piece
            left += strip.row_size
        return slot

    def _read(self, band: Band, number: int, first: int, count: int) -> Slot:
        strip = band.strips[number]
        offset = strip.offset + first * strip.row_size
        return self._sources.parts[strip.part].read(offset, count * strip.row_size)

    def _unplane(self, tensor: Tensor, piece: Bytes, place: Bytes) -> None:
        block = block_of(tensor.type, self._era)
        if place.flags.c_contiguous:
            gather(piece, block, tensor.type, place)
        else:
            blocks = piece.copy()
            gather(piece, block, tensor.type, blocks)
            place[:] = blocks

    def _order(self) -> Order:
        """Which order the blocks of this file have, as its first quantised tensor shows.

        Raises:
            LegacyDamaged: its scales make no sense in either.
        """
        if self._legacy.header.kind is not Kind.GGML:
            return Order.BLOCKS
        for tensor in self._legacy.tensors:
            if not tensor.type.is_quantised:
                continue
            orders = self._possible_orders(tensor)
            if not orders:
                raise self._damaged(f"the scales of tensor {tensor.name} make no sense")
            if len(orders) == 1:
                return orders.pop()
        return Order.BLOCKS

    def _possible_orders(self, tensor: Tensor) -> set[Order]:
        """Both for rows of a single block, and where all scales are zero."""
        band = tensor.bands[0]
        count = min(SAMPLE_ROWS, band.rows, max(1, CHUNK // band.strips[0].row_size))
        rows = self._read(band, 0, 0, count).content.reshape(count, -1)
        return possible_orders(rows, block_of(tensor.type, self._era), tensor.type)

    def _damaged(self, what: str) -> LegacyDamaged:
        return LegacyDamaged(f"{self._called} is damaged: {what}.", AGAIN)
