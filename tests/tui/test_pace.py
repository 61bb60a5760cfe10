"""A growing answer is drawn often, but never most of the time."""

from __future__ import annotations

import pytest

from herd_tui.pace import LONGEST, REST, Pace
from tests.tools.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


def test_the_next_frame_waits_some_times_as_long_as_the_last_one_took(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.begins()
    clock.now += 0.05
    pace.ends()

    clock.now += 0.05 * REST - 0.001
    assert not pace.begins()
    clock.now += 0.002
    assert pace.begins()


def test_a_slow_frame_never_keeps_the_next_one_away_for_long(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.begins()
    clock.now += 10
    pace.ends()

    clock.now += LONGEST + 0.001
    assert pace.begins()


def test_a_frame_whose_end_nobody_tells_is_given_up(clock: Clock) -> None:
    pace = Pace(clock)
    assert pace.begins()
    clock.now += 0.1
    assert not pace.begins()
    clock.now += LONGEST
    assert pace.begins()
