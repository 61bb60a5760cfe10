"""The first bytes of a file that is still elsewhere: what a header says before a download."""

from __future__ import annotations

import threading

from herd.errors import SourceRefused
from herd.model import HfSource, UrlSource
from herd.transfer.http import Line
from herd.transfer.mirror import Address, Mirror
from herd.transfer.patience import Patience
from herd.transfer.ranges import Asked, Unsatisfied
from herd.transfer.reach import Reach
from herd.transfer.watch import Watch


def read_beginning(
    source: UrlSource | HfSource,
    count: int,
    stop: threading.Event,
    patience: Patience | None = None,
) -> bytes:
    """At most so many bytes from the beginning of a file, by the rules of a model's fetch.

    A server that knows no ranges sends all of it; the rest is not read.

    Raises:
        SourceFailed: they did not come.
        SourceRefused: they never will.
        Interrupted: `stop` was set.
    """
    patience = patience or Patience()
    address = Address.of(source)
    with Watch(stop, patience) as watch, Line(Reach(address.url), watch) as line:
        body = Mirror(address, patience.redirects).open(line, Asked(0, None, count))
        if isinstance(body, Unsatisfied):
            raise SourceRefused(f"{address.host} has an empty file there")
        content = body.head
        while len(content) < count and (piece := body.read(count - len(content))):
            content += piece
        return content[:count]
