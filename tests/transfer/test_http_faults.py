"""One HTTP server that misbehaves: which bytes it is asked for then, and what is said."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from herd.errors import HerdError, Interrupted, SourceFailed, SourceRefused
from herd.hashing import Here
from herd.model import UrlSource
from herd.transfer.download import HttpCarrier
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import CONTENT, QUICK, Desk, digest, eventually, hope, within

SIZE = len(CONTENT)


def test_a_file_comes_whole_and_hashed(desk: Desk, server: FileServer) -> None:
    delivery = desk.get(server.url)
    assert (delivery.size, delivery.sha256) == (SIZE, digest(CONTENT))
    assert delivery.name == "model.gguf"
    assert desk.part == CONTENT
    assert server.bytes_sent == SIZE
    assert desk.gauge.read().done == SIZE


def test_the_first_request_is_the_file_itself_unencoded(desk: Desk, server: FileServer) -> None:
    desk.get(server.url)
    headers = server.requests[0].headers
    assert headers["range"] == f"bytes=0-{SIZE - 1}"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("herd/")
    assert "authorization" not in headers


def test_resets_are_taken_up_at_the_exact_byte(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(reset_after=100_000)
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert len(server.requests) >= SIZE // 100_000
    starts = [start or 0 for start in server.starts]
    assert starts == sorted(starts)
    assert desk.part == CONTENT
    assert SIZE <= server.bytes_sent <= 1.02 * SIZE


def test_a_body_that_ends_early_costs_no_byte(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(end_after=100_000)
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert server.starts == [0, 100_000, 200_000, 300_000, 400_000, 500_000]
    assert server.bytes_sent == SIZE


def test_a_server_that_serves_short_ranges_is_asked_again(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(splits_ranges=200_000)
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert server.starts == [0, 200_000, 400_000]


def test_a_stalled_server_is_cut_and_asked_again(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(stall_after=100_000, times=1)
    with within(5):
        assert desk.get(server.url).sha256 == digest(CONTENT)
    assert server.starts == [0, 100_000]
    assert server.bytes_sent == SIZE


def test_a_server_that_never_answers_is_given_up(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(stalls_before_head=True)
    desk.http = HttpCarrier(replace(QUICK, connect=0.1, first_byte=0.1, attempts=2))
    with within(5), pytest.raises(SourceFailed, match="gave no answer"):
        desk.get(server.url)


def test_a_dripping_server_is_cut_although_it_sends(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(drip=True, times=1)
    with within(5):
        assert desk.get(server.url).sha256 == digest(CONTENT)
    assert 0 < (server.starts[1] or 0) < 1024


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_server_that_cannot_now_is_asked_again(
    desk: Desk, server: FileServer, status: int
) -> None:
    server.faults = Faults(status=status, times=2)
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert len(server.requests) == 3


def test_a_server_may_say_how_long_to_wait(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(status=503, headers={"Retry-After": "3600"}, times=1)
    desk.get(server.url)
    assert desk.gauge.said == ["127.0.0.1 cannot answer now (503); again in 1 s"]


def test_why_a_server_is_waited_for_stands_until_it_answers(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(status=503, headers={"Retry-After": "3600"}, times=1)
    notes = set[str]()
    desk.gauge.whenever = lambda _: notes.add(desk.gauge.read().note)
    carrier = HttpCarrier(replace(QUICK, longest_asked=0.5))
    carrier.fetch(desk.wish(hope(UrlSource(server.url))))
    assert notes == {"127.0.0.1", "127.0.0.1 cannot answer now (503); again in 1 s"}


def test_a_server_that_never_can_is_given_up(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(status=429)
    with pytest.raises(SourceFailed, match=r"is asked too often \(429\), 4 times in a row"):
        desk.get(server.url)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        *((401, "gated or removed"), (403, "gated or removed")),
        *((404, "does not have"), (410, "does not have"), (400, "answered with status 400")),
    ],
)
def test_a_refusal_is_final(desk: Desk, server: FileServer, status: int, words: str) -> None:
    server.faults = Faults(status=status)
    with pytest.raises(SourceRefused, match=words):
        desk.get(server.url)
    assert len(server.requests) == 1


def test_a_connection_does_not_stay_open_for_as_long_as_somebody_keeps_the_refusal(
    desk: Desk, server: FileServer
) -> None:
    server.keeps_alive, server.faults = True, Faults(status=404)
    with pytest.raises(SourceRefused) as told:
        desk.get(server.url)
    eventually(lambda: server.open == 0)
    assert told.value.__traceback__ is not None


def test_a_file_of_another_size_is_refused_before_its_body(desk: Desk, server: FileServer) -> None:
    desk.stage(CONTENT[:1000])
    server.content = CONTENT + b"more"
    with pytest.raises(SourceRefused, match="has another file"):
        desk.get(server.url)
    assert desk.part == CONTENT[:1000]


def test_a_login_page_never_becomes_a_model(desk: Desk, server: FileServer) -> None:
    desk.stage(CONTENT[:1000])
    server.content, server.content_type = b"<html>Welcome to Hotel Wifi</html>", "text/html"
    server.faults = Faults(ignores_ranges=True)
    with pytest.raises(SourceRefused, match="web page instead of the file"):
        desk.get(server.url)
    assert desk.part == CONTENT[:1000]


def test_a_login_page_in_disguise_is_known_by_its_first_bytes(
    desk: Desk, server: FileServer
) -> None:
    server.content = b"\n  <!DOCTYPE html><html>log in</html>"
    with pytest.raises(SourceRefused, match="web page instead of the file"):
        desk.get_unpromised(server.url)
    assert desk.part == b""


def test_a_size_that_nobody_promised_is_taken_from_the_answer(
    desk: Desk, server: FileServer
) -> None:
    server.faults = Faults(end_after=300_000)
    assert desk.get_unpromised(server.url).size == SIZE
    assert desk.gauge.read().total == SIZE


def test_a_size_that_nobody_knows_is_refused(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(lacks_length=True, ignores_ranges=True)
    with pytest.raises(SourceRefused, match="does not say how large"):
        desk.get_unpromised(server.url)


def test_a_promised_size_serves_where_the_server_says_none(desk: Desk, server: FileServer) -> None:
    server.faults = Faults(lacks_length=True, ignores_ranges=True)
    assert desk.get(server.url).sha256 == digest(CONTENT)


def test_an_address_where_nobody_listens(desk: Desk, server: FileServer) -> None:
    with FileServer(CONTENT) as gone:
        url = gone.url
    with pytest.raises(SourceFailed, match=r"127\.0\.0\.1 cannot be reached \(connection refused"):
        desk.get(url)
    assert desk.part == b"", "no room is held for what did not begin to come"


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "http://127.0.0.1:99999/x", "ftp://host/x", "x"]
)
def test_an_address_that_does_not_read_is_refused(desk: Desk, url: str) -> None:
    with pytest.raises(SourceRefused, match="is not an address"):
        desk.get(url)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(stall_after=100_000),
        Faults(stalls_before_head=True),
        Faults(drip=True),
        Faults(status=503, headers={"Retry-After": "600"}),
    ],
    ids=["stalled", "before the head", "dripping", "waiting as told"],
)
def test_a_stop_ends_it_within_a_second(desk: Desk, server: FileServer, faults: Faults) -> None:
    server.faults = faults
    desk.http = HttpCarrier()  # the real patience
    raised: list[BaseException] = []

    def run() -> None:
        try:
            desk.get(server.url)
        except Interrupted as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: bool(server.requests))
    if faults.stall_after:
        eventually(lambda: len(desk.part) == 100_000)
    with within(1):
        desk.stop.set()
        thread.join()
    assert len(raised) == 1
    assert desk.part == CONTENT[: len(desk.part)]


def test_a_pass_over_the_bytes_that_breaks_ends_the_transfer(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Here):
        """Has no memory left for a piece."""

        def take(self, at: int, length: int) -> list[bytes] | None:
            raise MemoryError("no room for a piece")

    monkeypatch.setattr("herd.late_hashing.begin", Broken)
    with pytest.raises(HerdError, match="Hashing failed: no room for a piece"), within(20):
        desk.get(server.url)
