"""Whole processes that fetch: what they cost, how they end, and what they say."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import CannotWrite, Interrupted, NoRoom
from herd.model import File, Sha256, UrlSource
from herd.transfer import Budget, begun, ledger, sheet
from herd.transfer.carrier import Wish
from herd.transfer.download import HttpCarrier
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import CONTENT, QUICK, Desk, digest, eventually, promise

MIB = 1024 * 1024
HUGE = 100_000_000_000

MEASURED = """
import re, sys
from pathlib import Path
from herd.model import File, Sha256, UrlSource
from herd.staging import Staged
from herd.transfer.carrier import Wish
from herd.transfer.download import HttpCarrier
from herd.transfer.http import Line
source = UrlSource(sys.argv[1])
file = File("model.gguf", (source,), int(sys.argv[2]), Sha256(sys.argv[3]))
def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = kilobytes("VmRSS")
HttpCarrier().fetch(Wish(file, source, Staged(Path(sys.argv[4]))))
print((kilobytes("VmHWM") - before) * 1024)
"""


class Zeros(bytes):
    """A hundred gigabytes, made when they are asked for."""

    def __len__(self) -> int:
        return HUGE

    def __getitem__(self, span: object) -> bytes:  # type: ignore[override]  # slices alone
        assert isinstance(span, slice)
        return bytes((span.stop or HUGE) - (span.start or 0))


def test_a_fetch_takes_less_than_forty_megabytes_of_memory(tmp_path: Path) -> None:
    content = b"GGUF" + bytes(96 * MIB)
    with FileServer(content) as server:
        words = [server.url, str(len(content)), digest(content), str(tmp_path / "part")]
        ran = subprocess.run(
            [sys.executable, "-c", MEASURED, *words], check=True, capture_output=True, text=True
        )
    assert int(ran.stdout) < 40_000_000


@pytest.fixture
def endless() -> Iterator[FileServer]:
    with FileServer(Zeros()) as running:
        running.faults = Faults(rate=2_000_000)
        yield running


def test_nothing_grows_with_the_file(
    desk: Desk, endless: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2 * HUGE})())
    monkeypatch.setattr(sheet, "_reserve", lambda *_: False)  # a file with holes
    source = UrlSource(endless.url)
    file = File("model.gguf", (source,), HUGE, Sha256("0" * 64))
    desk.http = HttpCarrier(QUICK, workers=2)
    tracemalloc.start()
    try:
        for until in (4 * MIB, 8 * MIB):
            limit = until
            desk.gauge.whenever = lambda _, limit=limit: (  # type: ignore[misc]
                desk.stop.set() if desk.gauge.read().done >= limit else None
            )
            desk.stop.clear()
            with pytest.raises(Interrupted):
                desk.http.fetch(Wish(file, source, desk.staged, desk.gauge, desk.stop))
            assert begun(desk.staged) >= until, "the second try goes on where the first stopped"
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
    assert endless.bytes_sent < 16 * MIB
    assert desk.staged.beside(ledger.SUFFIX).stat().st_size < 4096


def test_no_room_for_so_large_a_file_is_said_before_the_network(
    tmp_path: Path, server: FileServer
) -> None:
    def allow_little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tests.transfer.http_dying", server.url, str(len(CONTENT))),
            *(digest(CONTENT), str(tmp_path / "part")),
        ],
        preexec_fn=allow_little,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == NoRoom.exit_code
    assert "disk is full" in ran.stderr
    assert server.requests == []


def test_a_disk_that_fills_under_way_keeps_what_is_there(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite

    def full(file: int, view: memoryview, at: int) -> int:
        if at + len(view) > 300_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, view, at)

    server.faults = Faults(rate=1_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(NoRoom, match="disk is full"):
            desk.get(server.url)
    there = begun(desk.staged)
    assert there > 0
    eventually(lambda: server.open == 0)
    server.faults, server.bytes_sent = Faults(), 0
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert server.bytes_sent == len(CONTENT) - there


def test_a_place_that_cannot_be_written_is_said_before_the_network(
    desk: Desk, server: FileServer
) -> None:
    desk.staged.part.parent.parent.mkdir(exist_ok=True)
    desk.staged.part.parent.write_text("a file where the folder should be")
    with pytest.raises(CannotWrite):
        desk.get(server.url)
    assert server.requests == []


def test_a_server_that_is_slow_and_alone_is_waited_for(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(rate=200_000)
    desk.http = HttpCarrier(replace(QUICK, slow_for=0.5, least_rate=1024))
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert len(server.requests) == 1


def test_a_limit_that_is_set_under_way_holds_within_the_claims_that_are_under_way(
    desk: Desk, server: FileServer
) -> None:
    limit, content = 4_000_000, bytes(12_000_000)
    spent: defaultdict[int, list[int]] = defaultdict(list)

    class Noting(Budget):
        def spend(self, count: int) -> float:
            if self.limit is not None:
                spent[threading.get_ident()].append(count)
            return super().spend(count)

    def set_limit(_: int) -> None:
        if budget.limit is None and desk.gauge.read().done:
            budget.set(limit)

    budget = Noting()
    desk.gauge.whenever = set_limit
    server.keeps_alive, server.content = True, content
    server.faults = Faults(rate=2_000_000)
    wish = replace(desk.wish(promise(UrlSource(server.url), content=content)), budget=budget)
    assert desk.http.fetch(wish).sha256 == digest(content)
    later = [count for counts in spent.values() for count in counts[2:]]
    assert later
    assert max(later) <= 2 * limit // 64, "what lay in the system's buffers comes in lumps"


def test_a_limit_is_kept_over_all_connections(desk: Desk, server: FileServer) -> None:
    limit = 400_000
    desk.budget.set(limit)
    wish = replace(desk.wish(promise(UrlSource(server.url))), budget=desk.budget)
    begin = time.monotonic()
    assert desk.http.fetch(wish).sha256 == digest(CONTENT)
    at_once = limit * 0.25 + 50_000  # what a budget lets through first, and a read of each
    assert time.monotonic() - begin >= (len(CONTENT) - at_once) / limit
