"""One budget for everything that moves bytes."""

from __future__ import annotations

import pytest

from herd.transfer.budget import Budget
from tests.tools.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


def run(clock: Clock, *budgets: Budget, seconds: float, piece: int = 10_000) -> list[int]:
    """Take as much as each budget lets through; bytes by budget."""
    end = clock.now + seconds
    free_at, moved = [clock.now] * len(budgets), [0] * len(budgets)
    while clock.now < end:
        for at, budget in enumerate(budgets):
            if free_at[at] <= clock.now:
                free_at[at] = clock.now + budget.spend(piece)
                moved[at] += piece
        clock.now += 0.01
    return moved


def test_without_a_limit_nobody_waits(clock: Clock) -> None:
    assert Budget(clock=clock).spend(1 << 40) == 0.0


def test_a_limit_is_kept_over_time(clock: Clock) -> None:
    [moved] = run(clock, Budget(100_000, clock=clock), seconds=20)
    assert moved == pytest.approx(2_000_000, rel=0.05)


def test_two_jobs_share_the_limit_of_the_herd(clock: Clock) -> None:
    whole = Budget(100_000, clock=clock)
    jobs = [Budget(None, whole, clock), Budget(None, whole, clock)]
    moved = run(clock, *jobs, seconds=20)
    assert sum(moved) == pytest.approx(2_000_000, rel=0.1)


def test_a_job_has_a_limit_of_its_own_within_that_of_the_herd(clock: Clock) -> None:
    whole = Budget(1_000_000, clock=clock)
    slow, fast = Budget(50_000, whole, clock), Budget(None, whole, clock)
    moved = run(clock, slow, fast, seconds=10)
    assert moved[0] == pytest.approx(500_000, rel=0.1)
    assert moved[1] > 5_000_000
    assert slow.tightest == 50_000
    assert fast.tightest == 1_000_000


def test_a_changed_limit_counts_at_once_and_old_debts_are_forgiven(clock: Clock) -> None:
    budget = Budget(1_000, clock=clock)
    assert budget.spend(100_000) > 50
    budget.set(1_000_000)
    assert budget.spend(10_000) < 0.1
    budget.set(None)
    assert budget.spend(1 << 30) == 0.0


def test_idle_time_does_not_become_a_burst(clock: Clock) -> None:
    budget = Budget(100_000, clock=clock)
    clock.now += 3600
    assert budget.spend(100_000) == pytest.approx(0.75)


def test_a_swarm_is_told_what_the_others_leave(clock: Clock) -> None:
    whole = Budget(100_000, clock=clock)
    job = Budget(None, whole, clock)
    assert Budget(clock=clock).fair_share(0.0) is None
    assert job.fair_share(0.0) == 100_000
    run(clock, Budget(30_000, whole, clock), seconds=10)
    assert job.fair_share(0.0) == pytest.approx(70_000, rel=0.15)
