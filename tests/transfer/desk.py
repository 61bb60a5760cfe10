"""What a test of a carrier has on its desk: a place to stage, a gauge, a stop."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from herd.model import File, Sha256, Source, UrlSource
from herd.progress import Gauge
from herd.transfer import Budget, Delivery, Staged, Wish, ledger
from herd.transfer.download import HttpCarrier
from herd.transfer.extents import Extents
from herd.transfer.patience import Patience

CONTENT = b"GGUF" + bytes(range(251)) * 2000
"""About half a megabyte; its period is no power of two, so a shifted copy differs."""

QUICK = Patience(
    connect=2,
    first_byte=0.5,
    least_rate=1024,
    slow_for=0.5,
    first_wait=0.01,
    longest_wait=0.02,
    longest_asked=0.05,
    attempts=4,
    outage=0,
    progress=1024,
)


def digest(content: bytes) -> Sha256:
    return Sha256(hashlib.sha256(content).hexdigest())


def promise(*sources: Source, content: bytes = CONTENT, name: str = "model.gguf") -> File:
    """A file whose size and digest are known."""
    return File(name, sources, len(content), digest(content))


def hope(*sources: Source, name: str = "model.gguf") -> File:
    """A file of which nothing is known."""
    return File(name, sources)


def eventually(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until it happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.005)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What happens inside takes no longer; three times as long where others use the machine."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 3 * seconds


class Notes(Gauge):
    """A gauge that remembers what it was told to say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.mirrors: set[int] = set()
        self.sources: set[str] = set()
        """Who was at work, in words."""
        self.whenever: Callable[[int], None] = lambda _: None
        """Called with the number of mirrors at work, many times a second."""
        self.most = 0
        """Bytes that it had at most."""

    def _move(self, done: int) -> None:
        self.most = max(self.most, done)
        super()._move(done)

    def note(self, text: str) -> None:
        self.said.append(text)
        super().note(text)

    def at_work(self, *, mirrors: int | None = None, peers: int | None = None) -> None:
        self.mirrors.add(mirrors or 0)
        self.whenever(mirrors or 0)
        super().at_work(mirrors=mirrors, peers=peers)
        self.sources.add(self.read().sources)


class Desk:
    """One file under way."""

    def __init__(self, folder: Path) -> None:
        self.staged = Staged(folder / "staging" / "file.part")
        self.gauge = Notes()
        self.stop = threading.Event()
        self.budget = Budget()
        self.http = HttpCarrier(QUICK)

    @property
    def part(self) -> bytes:
        """What lies in the part, as far as it is the file's beginning without a gap."""
        content = self.staged.part.read_bytes() if self.staged.part.exists() else b""
        note = ledger.load(self.staged)
        if note is None:
            return content
        written = Extents(span for spans in note.given.values() for span in spans)
        return content[: written.reach()]

    def stage(self, content: bytes, **sidecar: object) -> None:
        """Leave bytes of an earlier try."""
        self.staged.part.parent.mkdir(parents=True, exist_ok=True)
        self.staged.part.write_bytes(content)
        if sidecar:
            self.staged.beside(".http.json").write_text(json.dumps(sidecar))

    def wish(self, file: File) -> Wish:
        return Wish(file, file.sources[0], self.staged, self.gauge, self.stop)

    def get(self, url: str) -> Delivery:
        """Fetch CONTENT, promised, from an address."""
        return self.http.fetch(self.wish(promise(UrlSource(url))))

    def get_unpromised(self, url: str) -> Delivery:
        """Fetch whatever is at an address."""
        return self.http.fetch(self.wish(hope(UrlSource(url))))
