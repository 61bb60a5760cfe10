"""One file from sources of many kinds: any may deliver, the digest decides."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from herd.errors import DigestMismatch, Interrupted, NoSourceDelivered, SourceFailed, SourceRefused
from herd.model import File, MagnetSource, PathSource, Source, SwarmState, TorrentSource, UrlSource
from herd.transfer import Delivery, Fetched
from herd.transfer.download import HttpCarrier
from herd.transfer.failover import Transfer, describe
from tests.tools import nginx as server_of_the_world
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import CONTENT, QUICK, Desk, digest, hope, promise


@pytest.fixture
def transfer() -> Transfer:
    return Transfer({UrlSource: HttpCarrier(QUICK)})


def get(desk: Desk, transfer: Transfer, file: File) -> Fetched:
    return transfer.fetch(file, desk.staged, desk.gauge, desk.stop)


def test_the_next_source_goes_on_when_one_fails(
    desk: Desk, transfer: Transfer, server: FileServer, tmp_path: Path
) -> None:
    source = UrlSource(server.url)
    fetched = get(desk, transfer, promise(PathSource(str(tmp_path / "gone")), source))
    assert fetched.delivery.sha256 == digest(CONTENT)
    assert fetched.source == source
    assert any("does not exist" in said for said in desk.gauge.said)


def test_addresses_that_follow_one_another_are_asked_together(
    desk: Desk, transfer: Transfer, server: FileServer, other: FileServer
) -> None:
    server.faults = Faults(stall_after=100_000)
    sources = UrlSource(server.url), UrlSource(other.url)
    fetched = get(desk, transfer, promise(*sources))
    given = {share.source: share.size for share in fetched.shares}
    assert sum(given.values()) == len(CONTENT)
    assert fetched.source == max(given, key=lambda source: given[source])


def test_a_path_with_wrong_bytes_is_left_for_an_address_with_the_right_ones(
    desk: Desk, transfer: Transfer, server: FileServer, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.gguf"
    wrong.write_bytes(CONTENT[::-1])
    sources = PathSource(str(wrong)), UrlSource(server.url)
    assert get(desk, transfer, promise(*sources)).source == UrlSource(server.url)
    assert server.bytes_sent == len(CONTENT)


def test_a_withdrawn_swarm_is_never_asked(
    desk: Desk, transfer: Transfer, server: FileServer
) -> None:
    swarm = MagnetSource(state=SwarmState.REVOKED)
    fetched = get(desk, transfer, promise(swarm, UrlSource(server.url)))
    assert fetched.source == UrlSource(server.url)
    with pytest.raises(NoSourceDelivered, match="it was withdrawn"):
        get(desk, transfer, promise(swarm))


def test_when_nobody_delivers_every_reason_is_told(
    desk: Desk, transfer: Transfer, server: FileServer, other: FileServer, tmp_path: Path
) -> None:
    server.faults, other.faults = Faults(status=404), Faults(status=503)
    sources: tuple[Source, ...] = (
        UrlSource(server.url),
        UrlSource(other.url),
        PathSource(str(tmp_path / "gone")),
    )
    with pytest.raises(NoSourceDelivered) as caught:
        get(desk, transfer, promise(*sources))
    for words in ("none of its 3 sources", "does not have the file (404)", "(503)", "not exist"):
        assert words in caught.value.message
    assert caught.value.hint is not None
    assert "same command again" in caught.value.hint


def test_two_sources_that_agree_on_other_bytes_accuse_the_registry(
    desk: Desk, transfer: Transfer, server: FileServer, tmp_path: Path
) -> None:
    other = CONTENT[::-1]
    server.content = other
    (tmp_path / "mine.gguf").write_bytes(other)
    sources = UrlSource(server.url), PathSource(str(tmp_path / "mine.gguf"))
    with pytest.raises(DigestMismatch, match="registry's digest is probably wrong") as caught:
        get(desk, transfer, promise(*sources))
    assert caught.value.exit_code == 5
    assert desk.part == b""


def test_a_file_that_nobody_promised_must_at_least_be_a_model(
    desk: Desk, transfer: Transfer, server: FileServer
) -> None:
    server.content = b"not a model, but large enough to be one" * 100
    with pytest.raises(NoSourceDelivered, match="no GGUF file"):
        get(desk, transfer, hope(UrlSource(server.url)))
    assert desk.part == b""


def test_a_stop_is_not_a_failure_of_the_source(
    desk: Desk, transfer: Transfer, server: FileServer
) -> None:
    desk.stop.set()
    with pytest.raises(Interrupted):
        get(desk, transfer, promise(UrlSource(server.url)))
    assert server.requests == []


@dataclass
class Nginx:
    """A real server."""

    url: str
    log: Path
    """What it was asked."""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    if shutil.which("nginx") is None and "HERD_CI" not in os.environ:
        pytest.skip("nginx is not installed")
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "model.gguf").write_bytes(CONTENT)
    with server_of_the_world.running(tmp_path) as address:
        yield Nginx(f"{address}/model.gguf", tmp_path / "access.log")


def test_a_real_server_delivers_in_ranges_and_resumes(
    desk: Desk, transfer: Transfer, nginx: Nginx
) -> None:
    desk.stage(CONTENT[:200_000])
    fetched = get(desk, transfer, promise(UrlSource(nginx.url)))
    assert fetched.delivery.sha256 == digest(CONTENT)
    assert '"GET /model.gguf HTTP/1.1" 206 302004' in nginx.log.read_text()


def test_a_real_server_says_that_it_has_no_such_file(
    desk: Desk, transfer: Transfer, nginx: Nginx
) -> None:
    with pytest.raises(NoSourceDelivered, match="does not have the file") as caught:
        get(desk, transfer, promise(UrlSource(nginx.url + "x")))
    assert "404" in caught.value.message


def test_a_mirror_that_is_away_holds_no_other_source_up(
    desk: Desk, server: FileServer, tmp_path: Path
) -> None:
    server.faults = Faults(status=503, headers={"Retry-After": "600"})
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    sources = UrlSource(server.url), PathSource(str(mine))
    patient = Transfer({UrlSource: HttpCarrier(replace(QUICK, longest_asked=600.0))})
    assert get(desk, patient, promise(*sources)).source == sources[1]
    assert len(server.requests) == 1


def test_a_mirror_that_is_away_is_waited_for_when_nobody_else_delivers(
    desk: Desk, server: FileServer, tmp_path: Path
) -> None:
    server.faults = Faults(times=1, status=503, headers={"Retry-After": "3"})
    sources = UrlSource(server.url), PathSource(str(tmp_path / "gone"))
    patient = Transfer({UrlSource: HttpCarrier(replace(QUICK, longest_asked=5.0))})
    assert get(desk, patient, promise(*sources)).source == sources[0]
    assert any("does not exist" in said for said in desk.gauge.said)


def test_the_key_in_the_address_of_a_torrent_is_not_told() -> None:
    private = TorrentSource("https://tracker.example.org/get/model.torrent?passkey=5ecret")
    assert describe(private) == "torrent model.torrent"


def test_a_liar_that_was_left_out_for_it_is_told_of_once() -> None:
    liar, gone = UrlSource("http://a.example/m"), UrlSource("http://b.example/m")
    failed = ((liar, SourceRefused("a.example gave wrong bytes")), (gone, SourceFailed("gone.")))
    delivery = Delivery(1, digest(b"m"), liars=(liar,))
    troubles = Fetched(delivery, gone, failed=failed).troubles
    assert troubles == ((gone, "gone"), (liar, "gave wrong bytes"))
