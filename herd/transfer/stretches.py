"""Stretches of a file from its http(s) sources, each asked for by itself: for repair.

Whether the bytes are right is for whoever asks to judge; a wrong stretch of one mirror can
be asked of the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from herd.errors import SourceFailed, SourceRefused
from herd.model import HfSource, Source, UrlSource
from herd.transfer.http import Line
from herd.transfer.mirror import Address, Body, Mirror
from herd.transfer.patience import Patience
from herd.transfer.ranges import Asked, NotNow, Unsatisfied
from herd.transfer.reach import Reach
from herd.transfer.watch import Watch


class Stretches:
    """The mirrors of one file; a context manager, whose connections end with it."""

    def __init__(
        self,
        sources: Iterable[Source],
        size: int,
        stop: threading.Event,
        patience: Patience | None = None,
        reach: Callable[[str], Reach] = Reach,
    ) -> None:
        """Opens nothing.

        Args:
            sources: Of all kinds; those that are no addresses are passed over.
            size: Bytes of the file.
            stop: Set by whoever wants it to end.
            patience: What a mirror is granted.
            reach: The addresses that a configured URL may lead to.
        """
        self._patience = patience or Patience(attempts=4)
        self._watch = Watch(stop, self._patience)
        self._size = size
        self._stop = stop
        self._mirrors = [
            _Mouth(Mirror(address, self._patience.redirects), Line(reach(address.url), self._watch))
            for address in _addresses(sources)
        ]

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in self._mirrors:
            each.line.hang_up()
        self._watch.__exit__(kind, error, trace)

    def offers(self, span: range) -> Iterator[tuple[str, bytes]]:
        """The stretch from each mirror in turn, and who gave it; asks only as far as is wanted.

        A mirror that fails is passed over; `troubles` has what it said.

        Raises:
            Interrupted: somebody wants it to end.
        """
        for each in self._mirrors:
            if each.is_out:
                continue
            try:
                content = self._patiently(each, span)
            except SourceFailed as error:
                each.trouble = error
                each.is_out = isinstance(error, SourceRefused)
                continue
            yield each.mirror.address.host, content

    @property
    def troubles(self) -> tuple[SourceFailed, ...]:
        """What the mirrors that failed last said."""
        return tuple(each.trouble for each in self._mirrors if each.trouble is not None)

    def _patiently(self, mouth: _Mouth, span: range) -> bytes:
        failures = 0
        while True:
            try:
                return self._read(mouth, span)
            except SourceRefused:
                raise
            except SourceFailed as error:
                failures += 1
                if failures >= self._patience.attempts:
                    raise
                self._stop.wait(self._wait(error, failures))

    def _wait(self, error: SourceFailed, failures: int) -> float:
        seconds = self._patience.backoff(failures)
        asked = error.seconds if isinstance(error, NotNow) else None
        return seconds if asked is None else min(max(seconds, asked), self._patience.longest_asked)

    def _read(self, mouth: _Mouth, span: range) -> bytes:
        """All bytes of the span; a server may give fewer at once than it was asked for."""
        where, content = mouth.mirror.address.host, bytearray()
        while len(content) < len(span):
            start = span.start + len(content)
            body = mouth.mirror.open(mouth.line, Asked(start, self._size, span.stop))
            if isinstance(body, Unsatisfied) or body.span.start != start:
                raise SourceRefused(f"{where} does not give parts of the file")
            content += _whole(body, min(body.span.stop, span.stop) - start, where)
        return bytes(content)


class _Mouth:
    """A mirror and the connection to it."""

    def __init__(self, mirror: Mirror, line: Line) -> None:
        self.mirror = mirror
        self.line = line
        self.trouble: SourceFailed | None = None
        self.is_out = False


def _whole(body: Body, size: int, where: str) -> bytes:
    content = bytearray(body.head[:size])
    while len(content) < size:
        piece = body.read(size - len(content))
        if not piece:
            raise SourceFailed(f"{where} stopped before the end")
        content += piece
    return bytes(content[:size])


def _addresses(sources: Iterable[Source]) -> Iterator[Address]:
    for source in dict.fromkeys(sources):
        if isinstance(source, UrlSource | HfSource):
            try:
                yield Address.of(source)
            except SourceRefused:
                continue
