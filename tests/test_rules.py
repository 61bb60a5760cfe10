"""When downloads may run, and how fast."""

from __future__ import annotations

from datetime import time

import pytest

from herd.errors import ConfigError
from herd.metered import is_metered
from herd.rules import Hours, Rules, hours


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-07:00", [time(22), time(0), time(6, 59)], [time(7), time(12), time(21, 59)]),
        ("9:30-17:00", [time(9, 30), time(16)], [time(9, 29), time(17), time(0)]),
    ],
)
def test_hours_go_over_midnight(text: str, inside: list[time], outside: list[time]) -> None:
    read = hours(text)
    assert read is not None
    assert all(read.has(moment) for moment in inside)
    assert not any(read.has(moment) for moment in outside)


def test_outside_its_hours_nothing_runs_and_says_why() -> None:
    rules = Rules(hours=Hours(time(22), time(7)))
    assert rules.why_not(time(23), is_metered=False) is None
    words = rules.why_not(time(12), is_metered=False)
    assert words == "until 22:00 (download_hours)"


@pytest.mark.parametrize("text", ["22-7", "25:00-07:00", "22:00", "x"])
def test_hours_that_do_not_read_are_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="22:00-07:00"):
        hours(text)
    assert hours("") is None


def test_the_tightest_limit_counts() -> None:
    rules = Rules(limit=500, chatting_limit=200)
    assert rules.limit_now(is_chatting=False) == 500
    assert rules.limit_now(is_chatting=True) == 200
    assert rules.limit_now(is_chatting=True, asked=100) == 100
    assert rules.limit_now(is_chatting=False, asked=0) is None


def test_the_variable_says_whether_the_connection_is_metered() -> None:
    assert is_metered({"HERD_METERED": "1"})
    assert not is_metered({"HERD_METERED": "0"})
    assert not is_metered({"HERD_METERED": "no"})
