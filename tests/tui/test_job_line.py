"""One install on one line."""

from __future__ import annotations

import pytest

from herd.progress import Progress, Stage
from herd_tui.job_line import line


@pytest.mark.parametrize(
    ("done", "said"), [(0, "0 %"), (496, "50 %"), (999, "99 %"), (1000, "100 %")]
)
def test_only_what_is_whole_is_a_hundred_percent(done: int, said: str) -> None:
    text = line("tiny", Progress(Stage.FETCHING, done, 1000, 5.0, ""), 100, here=False)
    assert f" {said} 5 B/s" in text.plain
    assert f"1{said}" not in text.plain


def test_a_limit_of_its_own_is_shown_where_there_is_room() -> None:
    now = Progress(Stage.FETCHING, 1, 1000, 5.0, "", mirrors=2)
    wide, narrow = (line("tiny", now, width, 2_000_000, here=False).plain for width in (120, 80))
    assert "fetching from 2 mirrors, at most 2.0 MB/s" in wide
    assert "2 mirrors" in narrow
    assert "at most" not in narrow
