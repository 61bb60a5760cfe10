"""Digests that are computed beside the work, and buffers that wait until their digest is done."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import numpy as np

from .repack import Bytes

H = TypeVar("H", bound="Hash")


class Slot:
    """A buffer that may still be read by lanes."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)
        self.content = self._memory
        """What was taken last."""
        self._readers: list[Future[None]] = []

    def take(self, size: int) -> Bytes:
        """The first `size` bytes, once nobody reads them any more."""
        for reader in self._readers:
            reader.result()
        self._readers.clear()
        if self._memory.size < size:
            self._memory = np.empty(size, np.uint8)
        self.content = self._memory[:size]
        return self.content

    def is_read_by(self, reader: Future[None]) -> None:
        """Keep the bytes until this reader is done."""
        self._readers.append(reader)


class Ring:
    """Slots in turn, so that work goes on while the last ones are still read."""

    def __init__(self, count: int = 4) -> None:
        self._slots = [Slot() for _ in range(count)]
        self._turn = 0

    def next(self) -> Slot:
        """The slot that was used longest ago."""
        self._turn += 1
        return self._slots[self._turn % len(self._slots)]


class Hash(Protocol):
    """What takes bytes in order: a sha256 of hashlib, or a Proof."""

    def update(self, content: memoryview, /) -> None:
        """Take the next bytes."""


class Lane(Generic[H]):
    """A hash in a thread of its own; hashlib lets the others run meanwhile."""

    def __init__(self, taker: H) -> None:
        self._pool = ThreadPoolExecutor(1, "herd-digest")
        self._taker = taker

    def feed(self, content: Bytes | bytes | bytearray) -> Future[None]:
        """Add bytes, which must stay as they are until the future is done."""
        return self._pool.submit(self._taker.update, memoryview(content))  # type: ignore[arg-type]  # numpy's arrays are buffers

    def finish(self) -> H:
        """The hash, which has taken everything that was fed."""
        self._pool.shutdown(wait=True)
        return self._taker

    def close(self) -> None:
        """End the thread; what was not begun is left undone."""
        self._pool.shutdown(wait=True, cancel_futures=True)
