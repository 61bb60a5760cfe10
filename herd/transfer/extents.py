"""Which bytes of a file: a set of whole numbers kept as sorted, separate ranges. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Extents:
    """A set of byte offsets; costs as much as it has gaps, however large the file."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        """Holds the union of the spans, which are `(start, stop)` in any order."""
        self._starts: list[int] = []
        self._stops: list[int] = []
        self.total = 0
        """How many bytes."""
        for start, stop in spans:
            self.add(start, stop)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(list(zip(self._starts, self._stops, strict=True)))

    def __len__(self) -> int:
        return len(self._starts)

    def __bool__(self) -> bool:
        return self.total > 0

    def __repr__(self) -> str:
        return f"Extents({list(self)})"

    def add(self, start: int, stop: int) -> int:
        """Put a range in; how many of its bytes are new."""
        if start >= stop:
            return 0
        # Ranges that touch the new one become one with it.
        first = bisect_left(self._stops, start)
        last = bisect_right(self._starts, stop)
        before = self.total
        if first < last:
            self.total -= self._count(first, last)
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]
        self.total += stop - start
        return self.total - before

    def remove(self, start: int, stop: int) -> int:
        """Take a range out; how many of its bytes were there."""
        if start >= stop:
            return 0
        first = bisect_right(self._stops, start)
        last = bisect_left(self._starts, stop)
        if first >= last:
            return 0
        before = self.total
        head, tail = self._starts[first], self._stops[last - 1]
        kept = [(head, min(start, tail)), (max(stop, head), tail)]
        kept = [(low, high) for low, high in kept if low < high]
        self.total -= self._count(first, last)
        self._starts[first:last] = [low for low, _ in kept]
        self._stops[first:last] = [high for _, high in kept]
        self.total += sum(high - low for low, high in kept)
        return before - self.total

    def within(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The ranges of the set inside a range, cut to it."""
        at = bisect_right(self._stops, start)
        while at < len(self._starts) and self._starts[at] < stop:
            yield max(start, self._starts[at]), min(stop, self._stops[at])
            at += 1

    def gaps(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The ranges inside a range that the set lacks."""
        at = start
        for low, high in list(self.within(start, stop)):
            if at < low:
                yield at, low
            at = high
        if at < stop:
            yield at, stop

    def reach(self, start: int = 0) -> int:
        """The first byte from `start` on that is not in the set."""
        at = bisect_right(self._starts, start) - 1
        return max(start, self._stops[at]) if at >= 0 else start

    def first(self) -> tuple[int, int] | None:
        """The lowest range."""
        return (self._starts[0], self._stops[0]) if self._starts else None

    def copy(self) -> Extents:
        """Another set of the same bytes."""
        twin = Extents()
        twin._starts, twin._stops = self._starts.copy(), self._stops.copy()
        twin.total = self.total
        return twin

    def _count(self, first: int, last: int) -> int:
        pairs = zip(self._starts[first:last], self._stops[first:last], strict=True)
        return sum(high - low for low, high in pairs)
