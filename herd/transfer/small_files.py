"""Small files over HTTP, whole into memory: a .torrent, not a model."""

from __future__ import annotations

import threading

from herd.errors import SourceFailed, SourceRefused
from herd.model import UrlSource
from herd.transfer.http import Line
from herd.transfer.mirror import Address, Mirror
from herd.transfer.patience import Patience
from herd.transfer.ranges import Asked, Unsatisfied
from herd.transfer.reach import Reach
from herd.transfer.watch import Watch
from herd.words import size


def read_small(
    url: str,
    *,
    most: int,
    stop: threading.Event,
    reach: Reach | None = None,
    patience: Patience | None = None,
) -> bytes:
    """The file at an http(s) address, by the same rules as a model: reach, encodings, rate.

    Args:
        url: As configured.
        most: Bytes; a larger file is refused before it is read.
        stop: Set to end it.
        reach: How far it may lead, where that is less than usual.
        patience: What the server is granted.

    Raises:
        SourceFailed: it did not come.
        SourceRefused: it will not, or is too large.
        Interrupted: it was stopped.
    """
    patience = patience or Patience()
    address = Address.of(UrlSource(url))
    with Watch(stop, patience) as watch, Line(reach or Reach(url), watch) as line:
        body = Mirror(address, patience.redirects).open(line, Asked(0, None))
        if isinstance(body, Unsatisfied) or body.span.total > most:
            raise SourceRefused(f"{address.host} has no file of at most {size(most)} there")
        content = body.head
        while len(content) < body.span.total:
            piece = body.read(body.span.total - len(content))
            if not piece:
                raise SourceFailed(f"{address.host} stopped before the end")
            content += piece
        return content
