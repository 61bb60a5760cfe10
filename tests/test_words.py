from __future__ import annotations

import pytest

from herd import words


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1_500, "1.5 kB"),
        (98_362_432, "98.4 MB"),
        (999_999_999, "1.00 GB"),
        (4_212_727_017, "4.21 GB"),
    ],
)
def test_sizes_read_as_people_say_them(count: int | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (8.4, "8 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7_500, "2 h 5 min")],
)
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (1.44, "1.4 s"), (9.97, "10 s")])
def test_what_took_a_moment_is_told_as_exactly_as_its_rate(seconds: float, text: str) -> None:
    assert words.took(seconds) == text


def test_a_near_miss_is_named() -> None:
    assert words.nearest("smolm2", ["smollm2", "qwen3-4b"]) == "did you mean smollm2?"
    assert words.nearest("zzz", ["smollm2"]) == ""


def test_one_turn_and_two_turns() -> None:
    assert [words.count(number, "turn") for number in (0, 1, 2)] == ["0 turns", "1 turn", "2 turns"]


def test_what_moves_the_cursor_or_turns_the_text_around_is_taken_out() -> None:
    assert words.plain("a\x1b[2J\u202etxt.exe\u2066b\x9b\r\tc\n") == "a[2Jtxt.exeb\tc\n"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500k", 500_000),
        ("2.5MB", 2_500_000),
        ("1 GB/s", 10**9),
        ("300000", 300_000),
        ("1MiB", 10**6),
    ],
)
def test_rates_as_people_write_them(text: str, number: int) -> None:
    assert words.bytes_of(text) == number
    assert words.bytes_of("fast") is None
    assert words.bytes_of("-1") is None
    assert words.bytes_of("9" * 20) is None
    assert words.bytes_of("9" * 400) is None
