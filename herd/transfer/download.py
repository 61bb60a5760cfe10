"""The HTTP carrier: one connection, taken up again wherever it broke.

Every attempt asks for what is missing and appends what comes, unless the server sends
the file from its beginning. Whether all of it is the right file is for the digest to
say, so a server without validators may be resumed, too.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from herd.errors import SourceFailed, SourceRefused
from herd.model import HfSource, UrlSource
from herd.progress import Stage
from herd.transfer import sidecar
from herd.transfer.carrier import Delivery, Wish
from herd.transfer.http import Line
from herd.transfer.mirror import Address, Body, Mirror
from herd.transfer.part import Part, check
from herd.transfer.patience import Patience
from herd.transfer.ranges import Asked, NotNow, Span, Unsatisfied
from herd.transfer.reach import Reach
from herd.transfer.sidecar import Origin
from herd.transfer.watch import TooSlow
from herd.words import duration

_PIECE = 256 * 1024


class HttpCarrier:
    """Brings files from http(s) addresses and from the Hugging Face Hub."""

    def __init__(
        self,
        patience: Patience | None = None,
        reach: Callable[[str], Reach] = Reach,
    ) -> None:
        """Opens nothing.

        Args:
            patience: What a source is granted.
            reach: The addresses that a configured URL may lead to.
        """
        self._patience = patience or Patience()
        self._reach = reach

    def fetch(self, wish: Wish) -> Delivery:
        """Bring the file, going on from what is staged. As Carrier.fetch."""
        if not isinstance(wish.source, UrlSource | HfSource):
            raise TypeError(wish.source)
        address = Address.of(wish.source)
        with Part(wish) as part:
            part.resume(wish.gauge)
            if wish.file.size is not None and part.have > wish.file.size:
                part.restart()
            if part.have != wish.file.size:
                part.require_room(wish.file.size or 0)
                self._fetch(wish, part, address)
            sidecar.forget(wish.staged)
            return part.delivery(_name_in(address.url))

    def _fetch(self, wish: Wish, part: Part, address: Address) -> None:
        with Line(self._reach(address.url), wish.stop, self._patience) as line:
            mirror = Mirror(address, line, self._patience.redirects)
            _Download(wish, part, mirror, self._patience).run()


class _Download:
    """One file from one mirror, over as many attempts as it takes."""

    def __init__(self, wish: Wish, part: Part, mirror: Mirror, patience: Patience) -> None:
        self._wish = wish
        self._part = part
        self._mirror = mirror
        self._patience = patience
        self._url = mirror.address.url
        self._size = wish.file.size
        self._is_started_over = False
        noted = sidecar.load(wish.staged)
        self._origin = noted if noted is not None and noted.url == self._url else None
        if self._size is None and part.have and self._origin is None:
            part.restart()  # no digest will judge these bytes, and nothing vouches for them

    def run(self) -> None:
        """Attempt until the file is whole.

        Raises:
            SourceFailed: too many attempts in a row brought nothing new.
        """
        failures, best = 0, self._part.have
        self._begin()
        while True:
            trouble = self._try()
            if trouble is None:
                return
            # A server that drips brings `progress` bytes in time, too, and would never end.
            is_slow = isinstance(trouble, TooSlow)
            if self._part.have >= best + self._patience.progress and not is_slow:
                failures, best = 0, self._part.have
            else:
                failures += 1
            if failures >= self._patience.attempts:
                raise SourceFailed(f"{trouble.message}, {failures} times in a row") from trouble
            self._wait(trouble, failures)

    def _try(self) -> SourceFailed | None:
        """One attempt, and what ended it before the file was whole."""
        try:
            if self._attempt():
                return None
        except SourceRefused:
            raise
        except SourceFailed as error:
            return error
        return SourceFailed(f"{self._mirror.address.host} stopped before the end")

    def _attempt(self) -> bool:
        """Ask for what is missing; whether the file is whole now."""
        asked = Asked(self._part.have, self._wish.file.size)
        opened = self._mirror.open(asked, self._origin.etag if self._origin else None)
        if isinstance(opened, Unsatisfied):
            return self._is_all(opened)
        if not self._take_up(opened.span):
            return False
        self._begin()
        return self._pour(opened)

    def _take_up(self, span: Span) -> bool:
        """Make the part end where the answer begins; whether it can be used."""
        if span.start == 0 and self._part.have:
            self._part.restart()
        is_another = self._origin is not None and self._origin.size != span.total
        if span.start and self._wish.file.size is None and is_another:
            self._start_over()
            return False
        self._size = span.total
        self._part.require_room(span.total)
        origin = Origin(self._url, span.total, span.etag)
        if origin != self._origin:
            sidecar.save(self._wish.staged, origin)
            self._origin = origin
        return True

    def _pour(self, body: Body) -> bool:
        part, gauge, stop = self._part, self._wish.gauge, body.span.stop
        piece = body.head
        while True:
            if piece:
                part.write(piece)
                gauge.advance(len(piece))
            if part.have >= stop:
                return part.have == body.span.total
            check(self._wish.stop)
            piece = body.read(min(_PIECE, stop - part.have))
            if not piece:
                return False

    def _is_all(self, unsatisfied: Unsatisfied) -> bool:
        """416: either nothing is missing, or what is there is not of this file."""
        if unsatisfied.total == self._part.have and self._size in (None, self._part.have):
            return True
        self._start_over()
        return False

    def _start_over(self) -> None:
        if self._is_started_over:
            raise SourceRefused(f"{self._mirror.address.host} does not agree with itself")
        self._is_started_over = True
        self._origin = None
        self._part.restart()

    def _begin(self) -> None:
        host = self._mirror.address.host
        self._wish.gauge.begin(Stage.FETCHING, self._size, self._part.have, note=host)

    def _wait(self, trouble: SourceFailed, failures: int) -> None:
        asked = trouble.seconds if isinstance(trouble, NotNow) else None
        seconds = self._patience.backoff(failures)
        if asked is not None:
            seconds = min(max(seconds, asked), self._patience.longest_asked)
        if seconds:
            self._wish.gauge.note(f"{trouble.message}; again in {duration(max(1, seconds))}")
            self._wish.stop.wait(seconds)
        check(self._wish.stop)


def _name_in(url: str) -> str | None:
    return unquote(urlsplit(url).path).rpartition("/")[2] or None
