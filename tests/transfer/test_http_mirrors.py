"""One file from several mirrors at once: who gives what, and what becomes of those that fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import SourceRefused
from herd.model import UrlSource
from herd.transfer import Delivery
from herd.transfer.carrier import EachFailed, Mismatch, Wish
from herd.transfer.download import HttpCarrier
from herd.transfer.mirrors import Hosts
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import QUICK, Desk, digest, eventually, promise, within

LARGE = b"GGUF" + bytes(range(251)) * 50_000
SIZE = len(LARGE)
RATE = 8_000_000


@pytest.fixture
def first() -> Iterator[FileServer]:
    with FileServer(LARGE) as running:
        running.keeps_alive = True
        yield running


@pytest.fixture
def second() -> Iterator[FileServer]:
    with FileServer(LARGE, "127.0.0.2") as running:
        running.keeps_alive = True
        yield running


def get(desk: Desk, *servers: FileServer) -> Delivery:
    """Fetch LARGE from all of them together."""
    source, *others = [UrlSource(server.url) for server in servers]
    file = promise(source, *others, content=LARGE)
    wish = Wish(file, source, desk.staged, desk.gauge, desk.stop, tuple(others))
    return desk.http.fetch(wish)


def of(delivery: Delivery, server: FileServer) -> int:
    """Bytes of the file that a server gave."""
    given = {share.source: share.size for share in delivery.shares}
    return given.get(UrlSource(server.url), 0)


def test_several_connections_bring_one_file_and_no_byte_twice(
    desk: Desk, first: FileServer
) -> None:
    first.faults = Faults(rate=RATE)
    delivery = get(desk, first)
    assert delivery.sha256 == digest(LARGE)
    assert first.connections > 1
    assert len(first.requests) > first.connections, "a connection serves more than one request"
    assert first.bytes_sent == SIZE
    assert delivery.wasted == 0


def test_nothing_is_read_of_what_another_connection_took_over(
    desk: Desk, first: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server sends on until it is hung up on: that must be at the last byte that is wanted."""
    monkeypatch.setattr("herd.transfer.download._ENOUGH", 1e9)  # however busy the machine is
    first.content = LARGE[:2_000_000]
    first.faults = Faults(rate=1_000_000)
    source = UrlSource(first.url)
    delivery = desk.http.fetch(desk.wish(promise(source, content=first.content)))
    assert len(first.requests) > 1, "the first one asked for all of it"
    assert first.requests[0].stop == len(first.content)
    assert delivery.wasted == 0


def test_a_host_is_asked_by_eight_connections_at_most_shared_by_files() -> None:
    hosts = Hosts(8)
    assert [hosts.enter("host", "one") for _ in range(9)] == [True] * 8 + [False]
    assert hosts.enter("another", "one")
    assert not hosts.enter("host", "two"), "all are taken"
    for _ in range(4):
        hosts.leave("host", "one")
    assert not hosts.enter("host", "one"), "half of them are for the other file now"
    assert [hosts.enter("host", "two") for _ in range(5)] == [True] * 4 + [False]
    hosts.forget("two")
    assert hosts.enter("host", "one")


def test_two_mirrors_give_a_part_each(desk: Desk, first: FileServer, second: FileServer) -> None:
    first.faults = second.faults = Faults(rate=RATE)
    delivery = get(desk, first, second)
    assert delivery.sha256 == digest(LARGE)
    assert of(delivery, first) > 0
    assert of(delivery, second) > 0
    assert of(delivery, first) + of(delivery, second) == SIZE
    assert first.bytes_sent + second.bytes_sent <= 1.02 * SIZE


def test_who_is_at_work_is_shown(desk: Desk, first: FileServer, second: FileServer) -> None:
    first.faults = second.faults = Faults(rate=RATE)
    get(desk, first, second)
    assert 2 in desk.gauge.mirrors


def test_a_mirror_that_is_down_costs_nothing_but_a_note(desk: Desk, second: FileServer) -> None:
    with FileServer(LARGE) as gone:
        pass
    assert get(desk, gone, second).sha256 == digest(LARGE)
    assert second.bytes_sent == SIZE


def test_an_address_that_does_not_read_is_left_out(desk: Desk, second: FileServer) -> None:
    source, bad = UrlSource(second.url), UrlSource("ftp://example.org/model.gguf")
    file = promise(bad, source, content=LARGE)
    wish = Wish(file, bad, desk.staged, desk.gauge, desk.stop, (source,))
    assert desk.http.fetch(wish).sha256 == digest(LARGE)


def test_a_mirror_that_stalls_is_left_for_the_other(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    first.faults = Faults(stall_after=200_000)
    second.faults = Faults(rate=RATE)
    with within(20):
        delivery = get(desk, first, second)
    assert delivery.sha256 == digest(LARGE)
    assert first.bytes_sent + second.bytes_sent <= 1.2 * SIZE


def test_a_mirror_that_drips_beside_a_good_one_does_not_hold_the_end_up(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    first.faults = Faults(drip=True)
    desk.http = HttpCarrier()  # the real patience: nobody is cut before 15 seconds
    with within(14):
        delivery = get(desk, first, second)
    assert delivery.sha256 == digest(LARGE)
    assert of(delivery, second) > 0.99 * SIZE


def test_a_connection_that_is_slow_beside_its_siblings_is_cut(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    first.faults = Faults(rate=20_000)  # far above the least rate
    second.faults = Faults(rate=1_000_000)
    desk.http = HttpCarrier(replace(QUICK, slow_for=0.6, least_rate=10))
    delivery = get(desk, first, second)
    assert delivery.sha256 == digest(LARGE)
    assert of(delivery, second) > of(delivery, first)


def test_a_mirror_with_another_file_is_out_before_a_byte_of_it_counts(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    first.content = LARGE + b"!"
    delivery = get(desk, first, second)
    assert delivery.sha256 == digest(LARGE)
    assert of(delivery, first) == 0


def test_a_mirror_without_ranges_is_not_used_beside_one_with(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    first.faults = Faults(ignores_ranges=True, rate=RATE)
    second.faults = Faults(rate=RATE)
    delivery = get(desk, first, second)
    assert of(delivery, second) == SIZE
    assert len(first.requests) == 1


def test_mirrors_without_ranges_serve_one_after_the_other(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    first.faults = Faults(ignores_ranges=True, end_after=3_000_000)
    second.faults = Faults(ignores_ranges=True)
    assert get(desk, first, second).sha256 == digest(LARGE)


def test_a_mirror_that_changes_its_file_under_way_is_left(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    def change(mirrors: int) -> None:
        if first.bytes_sent > 500_000:
            first.etag = '"two"'

    first.faults = second.faults = Faults(rate=RATE)
    desk.gauge.whenever = change
    delivery = get(desk, first, second)
    assert delivery.sha256 == digest(LARGE)
    assert of(delivery, second) > of(delivery, first)


def test_a_liar_is_found_and_only_its_share_comes_again(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    wrong = bytearray(LARGE)
    for at in range(0, SIZE - 10, 50_000):
        wrong[at + 10] ^= 255
    first.content = bytes(wrong)
    first.faults = second.faults = Faults(rate=RATE)
    delivery = get(desk, first, second)
    assert delivery.sha256 == digest(LARGE)
    assert delivery.liars == (UrlSource(first.url),)
    assert of(delivery, first) == 0
    # The smaller share comes again first, and then all that the liar gave by then.
    assert 0 < delivery.wasted <= 1.5 * SIZE
    assert first.bytes_sent + second.bytes_sent <= 2.5 * SIZE
    assert any("127.0.0.1" in said for said in desk.gauge.said)


def test_two_liars_beside_an_honest_mirror_do_not_keep_the_file_away(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    first.content = b"GGUF" + LARGE[4:][::-1]
    second.content = b"GGUF" + LARGE[5:] + b"!"
    first.faults = second.faults = Faults(rate=RATE)
    with FileServer(LARGE, "127.0.0.3") as honest:
        honest.faults = Faults(rate=RATE // 4)
        delivery = get(desk, first, second, honest)

        assert delivery.sha256 == digest(LARGE)
        assert of(delivery, honest) == SIZE
        assert UrlSource(honest.url) not in delivery.liars
        assert first.bytes_sent + second.bytes_sent + honest.bytes_sent <= 5 * SIZE
        assert any("alone" in said for said in desk.gauge.said), desk.gauge.said


def test_two_mirrors_that_agree_on_other_bytes_accuse_the_registry(
    desk: Desk, first: FileServer, second: FileServer
) -> None:
    other = b"GGUF" + LARGE[4:][::-1]
    first.content = second.content = other
    first.faults = second.faults = Faults(rate=RATE)
    with pytest.raises(Mismatch) as caught:
        get(desk, first, second)
    assert (caught.value.agreed, caught.value.got) == (2, digest(other))


def test_when_all_fail_each_says_why(desk: Desk, first: FileServer, second: FileServer) -> None:
    first.faults = Faults(status=404)
    second.faults = Faults(status=503)
    with pytest.raises(EachFailed) as caught:
        get(desk, first, second)
    failures = dict(caught.value.each)
    assert isinstance(failures[UrlSource(first.url)], SourceRefused)
    assert "503" in failures[UrlSource(second.url)].message


def test_a_server_that_is_asked_too_often_gets_half_the_connections(
    desk: Desk, first: FileServer
) -> None:
    first.faults = Faults(status=429, times=5, from_request=4, headers={"Retry-After": "0"})
    assert get(desk, first).sha256 == digest(LARGE)
    assert first.bytes_sent == SIZE


def test_two_files_from_one_host_share_its_connections(
    desk: Desk, first: FileServer, tmp_path: Path
) -> None:
    first.faults = Faults(rate=300_000)
    other = Desk(tmp_path / "other")
    other.http = desk.http = HttpCarrier(QUICK)
    waiting = threading.Thread(target=lambda: get(desk, first))
    waiting.start()
    eventually(lambda: first.connections == 8)
    begun = first.connections
    thread = threading.Thread(target=lambda: get(other, first))
    thread.start()
    eventually(lambda: other.gauge.read().done > 2_000_000)
    assert first.connections > begun
    first.faults = Faults()
    waiting.join()
    thread.join()
    assert digest(other.staged.part.read_bytes()) == digest(LARGE)


def test_a_server_that_was_there_may_be_gone_for_longer_than_a_stranger(
    desk: Desk, first: FileServer
) -> None:
    first.faults = Faults(status=503, from_request=3, times=30)
    desk.http = HttpCarrier(replace(QUICK, outage=30))
    assert get(desk, first).sha256 == digest(LARGE)
    assert first.bytes_sent == SIZE


def test_a_hundred_resets_cost_next_to_nothing(desk: Desk, first: FileServer) -> None:
    first.faults = Faults(reset_after=SIZE // 100)
    delivery = get(desk, first)
    assert delivery.sha256 == digest(LARGE)
    assert len(first.requests) >= 100
    assert SIZE <= first.bytes_sent <= 1.02 * SIZE
