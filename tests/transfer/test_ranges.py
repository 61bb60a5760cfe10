"""What headers mean, and how long to wait: the pure parts of HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd.errors import SourceFailed, SourceRefused
from herd.transfer.patience import Patience, RateWatch, retry_after
from herd.transfer.ranges import Asked, Gone, NotNow, Span, Unsatisfied, read, strong_etag

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer(status: int = 206, *, asked: Asked | None = None, **headers: str) -> Span | Unsatisfied:
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return read(status, named, asked or Asked(100, 1000, 200), "host")


def test_a_range_that_is_exactly_the_one_asked_for() -> None:
    span = answer(content_range="bytes 100-199/1000", content_length="100", etag='"x"')
    assert span == Span(100, 200, 1000)
    assert strong_etag({"ETag": '"x"'}) == '"x"'


def test_a_shorter_range_is_taken_and_asked_again() -> None:
    assert answer(content_range="bytes 100-149/1000") == Span(100, 150, 1000)


@pytest.mark.parametrize(
    ("content_range", "words"),
    [
        ("bytes 101-199/1000", "another range"),
        ("bytes 0-199/1000", "another range"),
        ("bytes 100-200/1000", "another range"),
        ("bytes 100-99/1000", "another range"),
        ("bytes 100-199/1001", "another file"),
        ("bytes 100-199/*", "without saying which"),
        ("items 100-199/1000", "without saying which"),
        ("", "without saying which"),
    ],
)
def test_any_other_range_is_refused(content_range: str, words: str) -> None:
    with pytest.raises(SourceRefused, match=words):
        answer(content_range=content_range)


def test_a_length_that_contradicts_the_range_is_refused() -> None:
    with pytest.raises(SourceRefused, match="contradicts itself"):
        answer(content_range="bytes 100-199/1000", content_length="50")


def test_a_whole_file_is_known_as_such() -> None:
    span = answer(200, content_length="1000")
    assert span == Span(0, 1000, 1000, is_whole=True)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x"])
def test_an_encoded_body_is_refused(encoding: str) -> None:
    with pytest.raises(SourceRefused, match="unasked"):
        answer(content_range="bytes 100-199/1000", content_encoding=encoding)


def test_weak_or_odd_validators_are_none() -> None:
    for text in ('W/"x"', "x", '"a"b"', '"', "", '"' + "x" * 300 + '"', '"\r\nX: y"'):
        assert strong_etag({"ETag": text}) is None


def test_nothing_at_that_offset() -> None:
    assert answer(416, content_range="bytes */500") == Unsatisfied(500)
    assert answer(416) == Unsatisfied(None)


@pytest.mark.parametrize("status", [100, 204, 300, 304, 400, 405, 418, 501, 505, 999])
def test_other_statuses_are_final(status: int) -> None:
    with pytest.raises(SourceRefused, match=str(status)):
        answer(status)


def test_a_file_that_the_hub_finds_too_large_is_said_so() -> None:
    """Its bridge to plain HTTP answers 400 where a file has more than 50 GB."""
    with pytest.raises(SourceRefused, match=r"refuses a file of 464\.60 GB \(400\)") as told:
        answer(400, asked=Asked(0, 464_600_000_000, 1000))
    assert told.value.hint is not None
    assert "above 50 GB over plain HTTP: name another mirror" in told.value.hint
    with pytest.raises(SourceRefused, match="answered with status 400"):
        answer(400, asked=Asked(0, 50_000_000_000, 1000))


def test_what_may_be_an_expired_link_is_told_apart() -> None:
    for status in (401, 403, 404, 410):
        with pytest.raises(Gone):
            answer(status)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([200, 206, 416, 429, 503]),
    st.dictionaries(
        st.sampled_from(["Content-Range", "Content-Length", "ETag", "Retry-After", "Content-Type"]),
        st.text(max_size=40)
        | st.from_regex(r"bytes \d{0,20}-\d{0,20}/\d{0,20}", fullmatch=True)
        | st.integers().map(str),
    ),
)
def test_no_header_does_anything_but_what_is_said(status: int, headers: dict[str, str]) -> None:
    try:
        found = read(status, headers, Asked(100, 1000, 200), "host")
    except SourceFailed:
        return
    if isinstance(found, Span):
        assert (found.start, found.total) in ((100, 1000), (0, 1000))
        assert found.stop <= (1000 if found.is_whole else 200)


@pytest.mark.parametrize("text", ["120", " 120 ", format_datetime(NOW + timedelta(seconds=120))])
def test_a_server_says_how_long_in_seconds_or_as_a_date(text: str) -> None:
    assert retry_after(text, lambda: NOW) == 120
    with pytest.raises(NotNow) as caught:
        answer(503, retry_after="7")
    assert caught.value.seconds == 7


@pytest.mark.parametrize(
    "text", [None, "", "soon", "-5", "1e9", "9" * 400, "Mon, 99 Foo 2026", "١٢"]
)
def test_a_wait_that_does_not_read_is_none_or_bounded(text: str | None) -> None:
    found = retry_after(text, lambda: NOW)
    assert found is None or 0 <= found < 10**10


def test_a_date_that_is_past_is_no_wait() -> None:
    assert retry_after(format_datetime(NOW - timedelta(days=1)), lambda: NOW) == 0


def test_waits_double_up_to_a_limit_and_are_never_the_same_for_all() -> None:
    patience = Patience(first_wait=1, longest_wait=8)
    for failures, most in ((0, 0), (1, 1), (2, 2), (4, 8), (50, 8), (10**6, 8)):
        waits = [patience.backoff(failures) for _ in range(50)]
        assert all(0 <= wait <= most for wait in waits)
    assert len({patience.backoff(5) for _ in range(20)}) > 1


def test_a_rate_is_too_slow_only_after_a_while() -> None:
    patience = Patience(slow_for=10)
    watch = RateWatch(patience, 0.0)
    assert not watch.is_slow(0, 9.9, 1000)
    assert watch.is_slow(9_999, 10.0, 1000)
    steady = RateWatch(patience, 0.0)
    assert not any(steady.is_slow(1001 * second, float(second), 1000) for second in range(100))


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60))
def test_a_stream_above_the_rate_is_never_slow(counts: list[int]) -> None:
    watch, total = RateWatch(Patience(slow_for=5), 0.0), 0
    for second, count in enumerate(counts, 1):
        total += 1000 + count
        assert not watch.is_slow(total, float(second), 1000)
