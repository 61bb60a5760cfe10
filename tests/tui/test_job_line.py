"""One install on one line."""

from __future__ import annotations

import pytest

from herd.progress import Progress, Stage
from herd_tui.job_line import Limits, line


@pytest.mark.parametrize(
    ("done", "said"), [(0, "0 %"), (496, "50 %"), (999, "99 %"), (1000, "100 %")]
)
def test_only_what_is_whole_is_a_hundred_percent(done: int, said: str) -> None:
    text = line("tiny", Progress(Stage.FETCHING, done, 1000, 5.0, ""), 100, here=False)
    assert f" {said} 5 B/s" in text.plain
    assert f"1{said}" not in text.plain


def test_a_limit_of_its_own_is_shown_where_there_is_room() -> None:
    now = Progress(Stage.FETCHING, 1, 1000, 5.0, "", mirrors=2)
    limits = Limits(2_000_000)
    wide, narrow = (line("tiny", now, width, limits, here=False).plain for width in (120, 80))
    assert "fetching from 2 mirrors, at most 2.0 MB/s" in wide
    assert "2 mirrors" in narrow
    assert "at most" not in narrow
    both = Limits(2_000_000, 100_000)
    assert "at most 2.0 MB/s, 100.0 kB/s out" in line("tiny", now, 130, both, here=False).plain


@pytest.mark.parametrize("stage", [Stage.PAUSED, Stage.WAITING, Stage.VERIFYING])
def test_what_does_not_come_just_now_says_of_how_much_it_is_there(stage: Stage) -> None:
    now = Progress(stage, 8_000_000, 98_000_000, 0.0, "")
    said = line("tiny", now, 100, here=False).plain
    assert said.split()[-6:] == ["8.0", "MB", "of", "98.0", "MB", stage]


def test_what_waits_with_nothing_says_no_numbers() -> None:
    now = Progress(Stage.WAITING, 0, 98_000_000, 0.0, "others come first")
    assert " B" not in line("tiny", now, 100, here=False).plain


def test_what_rests_says_its_limits() -> None:
    now = Progress(Stage.PAUSED, 8_000_000, 98_000_000, 0.0, "")
    said = line("tiny", now, 110, Limits(2_000_000), here=False).plain
    assert "paused, at most 2.0 MB/s" in said
