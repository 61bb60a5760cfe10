"""What libtorrent meets at the seam: exactly the range it asked for, or nothing."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from herd.errors import Interrupted
from herd.model import UrlSource
from herd.transfer.seam import Mouth, Seam
from herd.transfer.seam_mirrors import mirror_of
from tests.tools.http_server import Faults, FileServer
from tests.tools.wait import until
from tests.transfer.desk import CONTENT, QUICK
from tests.transfer.swarm_desk import SwarmDesk
from tests.transfer.test_hybrid import PATIENT, fetch, torrent_source

SIZE = len(CONTENT)


@pytest.fixture
def seam(server: FileServer) -> Iterator[Seam]:
    mirrors = [mirror_of(UrlSource(server.url), QUICK)]
    with Seam(SIZE, mirrors, replace(QUICK, attempts=6), threading.Event()) as running:
        yield running


@dataclass(frozen=True)
class Answer:
    status: int
    span: str | None
    body: bytes
    is_whole: bool


def asked(seam: Seam, path: str, span: str | None) -> Answer:
    """The answer to one request, read to its end, however early."""
    host, _, port = seam.url(Mouth(0, 0), is_folder=False).split("/")[2].partition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=20)) as line:
        line.request("GET", path, headers={"Range": span} if span else {})
        answer = line.getresponse()
        try:
            body, is_whole = answer.read(), True
        except http.client.IncompleteRead as cut:
            body, is_whole = cut.partial, False
        return Answer(answer.status, answer.headers["Content-Range"], body, is_whole)


def path_of(seam: Seam) -> str:
    return "/" + seam.url(Mouth(0, 0), is_folder=False).split("/", 3)[3]


def test_it_answers_exactly_the_range(seam: Seam) -> None:
    answer = asked(seam, path_of(seam), "bytes=1000-250000")
    assert answer.status == 206
    assert answer.span == f"bytes 1000-250000/{SIZE}"
    assert answer.body == CONTENT[1000:250001]


@pytest.mark.parametrize(
    "faults",
    [
        Faults(reset_after=70_000),
        Faults(end_after=70_000),
        Faults(splits_ranges=50_000),
        Faults(status=503, times=2),
        Faults(stall_after=100_000, times=1),
    ],
    ids=["reset", "short", "split", "503", "stall"],
)
def test_trouble_of_the_mirror_stays_behind_it(
    server: FileServer, seam: Seam, faults: Faults
) -> None:
    server.faults = faults
    answer = asked(seam, path_of(seam), f"bytes=0-{SIZE - 1}")
    assert answer.status == 206
    assert answer.body == CONTENT


def test_a_block_that_is_on_its_way_is_not_asked_for_once_more(
    server: FileServer, seam: Seam
) -> None:
    server.faults = Faults(rate=2 * SIZE)
    for one in seam.mirrors.each:
        seam.trials.passed(one.key)
    got: list[Answer] = []
    whole = threading.Thread(
        target=lambda: got.append(asked(seam, path_of(seam), f"bytes=0-{SIZE - 1}"))
    )
    whole.start()
    until(lambda: server.bytes_sent > SIZE // 4)
    block = asked(seam, path_of(seam), f"bytes={SIZE - 20_000}-{SIZE - 10_001}")
    whole.join()
    assert block.body == CONTENT[-20_000:-10_000]
    assert got[0].body == CONTENT
    assert len(server.requests) == 1


def test_a_limit_holds_a_mirror_whatever_libtorrent_would_take_and_may_be_lifted(
    server: FileServer, seam: Seam
) -> None:
    """What the mirror brings and libtorrent has not read would wait in this machine."""
    [one] = seam.mirrors.each
    seam.pace.set(1)
    got: list[Answer] = []
    whole = threading.Thread(
        target=lambda: got.append(asked(seam, path_of(seam), f"bytes=0-{SIZE - 1}"))
    )
    whole.start()
    until(lambda: seam.pace.spend(0) > 1000)
    given = seam.givers.share(one.key)
    seam.pace.set(None)
    whole.join()

    assert given <= 256 * 1024, "what one read brought"
    assert got[0].body == CONTENT


def test_a_mirror_that_is_out_breaks_the_answer_off(server: FileServer, seam: Seam) -> None:
    server.faults = Faults(status=404)
    assert not asked(seam, path_of(seam), "bytes=0-99").is_whole
    until(lambda: seam.mirrors.each[0].out is not None)


@pytest.mark.parametrize("span", [None, "bytes=0-", "bytes=5-2", f"bytes=0-{SIZE}", "pieces=0-1"])
def test_what_libtorrent_would_not_ask_is_refused(seam: Seam, span: str | None) -> None:
    assert asked(seam, path_of(seam), span).status == 404


def test_nobody_without_the_token_is_served(server: FileServer, seam: Seam) -> None:
    token = path_of(seam).split("/")[1]
    assert asked(seam, path_of(seam).replace(token, "x" * len(token)), "bytes=0-9").status == 404
    assert server.requests == []


def test_a_mirror_that_is_waited_for_is_no_peer(swarm_desk: SwarmDesk, mirror: FileServer) -> None:
    mirror.faults = Faults(status=503, headers={"Retry-After": "60"})
    waits, looks = replace(PATIENT, longest_asked=60), [0]

    def look(_: int) -> None:
        looks[0] += bool(mirror.requests)
        if looks[0] == 50:
            swarm_desk.stop.set()

    swarm_desk.gauge.whenever = look
    with pytest.raises(Interrupted):
        fetch(swarm_desk, torrent_source(swarm_desk), mirror, mirror_patience=waits)
    assert swarm_desk.gauge.said[-1] == "finding peers"
