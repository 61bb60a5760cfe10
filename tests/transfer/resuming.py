"""A download over HTTP that is stopped, and gone on with by another try."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import Interrupted
from herd.model import UrlSource
from herd.transfer.carrier import Wish
from herd.transfer.download import HttpCarrier
from tests.tools.http_server import FileServer
from tests.transfer.desk import QUICK, Desk, digest, eventually, hope, promise

LARGE = b"GGUF" + bytes(range(251)) * 50_000
SIZE = len(LARGE)
PIECE = 4 * 1024 * 1024


def begin(desk: Desk, server: FileServer, until: int, *, is_promised: bool = True) -> None:
    """Fetch until so many bytes are there, and stop."""
    faults, server.faults = server.faults, replace(server.faults, rate=10_000_000)
    source = UrlSource(server.url)
    file = promise(source, content=LARGE) if is_promised else hope(source)
    stop = threading.Event()
    desk.gauge.whenever = lambda _: stop.set() if desk.gauge.read().done >= until else None
    desk.http = HttpCarrier(QUICK, workers=1)
    with pytest.raises(Interrupted):
        desk.http.fetch(Wish(file, source, desk.staged, desk.gauge, stop))
    desk.gauge.whenever = lambda _: None
    eventually(lambda: server.open == 0)
    server.faults, server.bytes_sent = faults, 0
    server.requests.clear()


def go_on(desk: Desk, server: FileServer) -> None:
    """Fetch the rest, which must be right."""
    source = UrlSource(server.url)
    file = promise(source, content=LARGE)
    assert desk.http.fetch(Wish(file, source, desk.staged, desk.gauge)).sha256 == digest(LARGE)
    assert desk.staged.part.read_bytes() == LARGE


def damage(path: Path, at: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"damage")
