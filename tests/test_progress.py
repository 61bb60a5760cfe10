"""What a gauge says of something that moves: how far, how fast, how long still."""

from __future__ import annotations

import pytest

from herd.progress import Gauge, Stage
from tests.tools.clock import Clock


def test_a_gauge_that_nobody_moved_waits() -> None:
    progress = Gauge().read()

    assert progress.stage is Stage.WAITING
    assert progress.fraction is None
    assert progress.seconds_left is None


def test_the_rate_is_that_of_the_last_seconds() -> None:
    clock = Clock(100.0)
    gauge = Gauge(clock)
    gauge.begin(Stage.FETCHING, total=1_000)
    for _ in range(4):
        clock.now += 1.0
        gauge.advance(100)

    progress = gauge.read()

    assert progress.rate == pytest.approx(100.0)
    assert progress.seconds_left == pytest.approx(6.0)
    assert progress.fraction == pytest.approx(0.4)


def test_an_old_burst_is_forgotten() -> None:
    clock = Clock(100.0)
    gauge = Gauge(clock)
    gauge.begin(Stage.FETCHING, total=100_000)
    gauge.advance(50_000)
    for _ in range(20):
        clock.now += 1.0
        gauge.advance(10)

    assert gauge.read().rate == pytest.approx(10.0, rel=0.2)


def test_after_a_new_limit_the_rate_is_that_of_the_new_one_once_it_is_settled() -> None:
    clock = Clock(100.0)
    gauge = Gauge(clock)
    gauge.begin(Stage.FETCHING, total=100_000_000)
    gauge.advance(20_000_000)
    clock.now += 1.0
    assert gauge.read().rate == pytest.approx(20_000_000)

    gauge.pace_anew()

    clock.now += 0.25
    gauge.advance(5_000_000)  # was on its way
    assert gauge.read().rate == 0.0
    for _ in range(8):
        clock.now += 0.25
        gauge.advance(250)
    assert gauge.read().rate == pytest.approx(1_000.0)


def test_bytes_of_an_earlier_try_are_done_but_are_not_speed() -> None:
    clock = Clock(100.0)
    gauge = Gauge(clock)
    gauge.begin(Stage.FETCHING, total=1_000, done=900)
    clock.now += 1.0

    progress = gauge.read()

    assert progress.done == 900
    assert progress.rate == 0.0


def test_a_size_may_become_known_on_the_way() -> None:
    gauge = Gauge()
    gauge.begin(Stage.FETCHING)
    gauge.move_to(10, total=20)

    assert gauge.read().fraction == pytest.approx(0.5)


def test_a_stalled_transfer_slows_down_to_nothing() -> None:
    clock = Clock(100.0)
    gauge = Gauge(clock)
    gauge.begin(Stage.FETCHING, total=1_000)
    gauge.advance(500)
    clock.now += 1_000.0

    assert gauge.read().rate < 1.0
