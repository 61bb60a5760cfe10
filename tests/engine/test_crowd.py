"""Threads that give way to other programs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from herd.engine.crowd import LAST_TRY, LOOK_AFTER, LOOK_EVERY, Crowd, Spent


@dataclass
class Machine:
    """A machine on which a token takes 22 ms longer where threads share a processor."""

    processors: Callable[[float], float]
    """How many other programs leave at a moment."""
    work: float = 0.006
    """Seconds of a token that threads share among them."""
    share: float = 0.98
    """Of their time that undisturbed threads compute; less where fast cores wait for slow ones."""
    noise: float = 50.0
    """Times in a second that a thread is put off its processor by what a system does anyway."""
    waits: float = 0.0
    """Seconds that a token waits for a disk."""
    now: float = 0.0
    computing: float = 0.0
    put_off: int = 0
    used: list[int] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def spent(self) -> Spent:
        return Spent(self.now, self.computing, self.put_off)

    def write(self, crowd: Crowd, tokens: int) -> None:
        for _ in range(tokens):
            is_crowded = crowd.threads > self.processors(self.now)
            took = 0.008 + self.work / crowd.threads + (0.022 if is_crowded else 0)
            self.now += took + self.waits
            self.computing += took * crowd.threads * (0.5 if is_crowded else self.share)
            disturbed = self.noise * took * crowd.threads
            self.put_off += int(self.chance.gauss(disturbed, disturbed**0.5) + 0.5)
            self.put_off += 100 if is_crowded else 0
            crowd.wrote()
            self.used.append(crowd.threads)

    @property
    def changes(self) -> int:
        """How often the number of threads was another one than for the token before."""
        return sum(a != b for a, b in zip(self.used, self.used[1:], strict=False))


def always(processors: float) -> Callable[[float], float]:
    return lambda _: processors


def crowd_on(machine: Machine, most: int = 2) -> Crowd:
    return Crowd(most, lambda _: None, machine.spent)


@pytest.mark.parametrize("threads", [2, 8, 32])
@pytest.mark.parametrize("noise", [1, 50, 400])
def test_threads_that_nobody_disturbs_all_write(threads: int, noise: float) -> None:
    machine = Machine(always(threads), noise=noise)

    machine.write(crowd_on(machine, threads), 5000)

    assert set(machine.used) == {threads}


@pytest.mark.parametrize("threads", [4, 8, 32])
def test_fast_cores_that_wait_for_slow_ones_all_go_on(threads: int) -> None:
    machine = Machine(always(threads), work=0.2, share=0.6, noise=1000)

    machine.write(crowd_on(machine, threads), 5000)

    alone = (0.008 + 0.2 / threads) * 5000
    assert machine.now < 1.05 * alone


@pytest.mark.parametrize(("threads", "left"), [(2, 1), (8, 3), (8, 7), (32, 31), (32, 24)])
def test_as_many_go_as_processors_are_taken_and_it_stays_so(threads: int, left: int) -> None:
    machine = Machine(always(left))

    machine.write(crowd_on(machine, threads), 5000)

    assert machine.used[LOOK_AFTER * (threads - left + 1) :].count(left) > 0.95 * 4900
    assert machine.changes < threads - left + 60


def test_one_thread_always_writes() -> None:
    machine = Machine(always(0.5))

    machine.write(crowd_on(machine), 1000)

    assert min(machine.used) == 1


@pytest.mark.parametrize(("threads", "left"), [(2, 1), (8, 5), (32, 31)])
def test_threads_are_back_soon_after_the_other_programs_have_gone(threads: int, left: int) -> None:
    machine = Machine(always(left))
    machine.write(crowd := crowd_on(machine, threads), 3000)
    assert crowd.threads == left

    machine.processors = always(threads)
    machine.write(crowd, LAST_TRY + (threads - left) * (LAST_TRY // 4))

    assert crowd.threads == threads


def test_the_next_answer_begins_with_all_threads() -> None:
    machine = Machine(always(1))
    machine.write(crowd := crowd_on(machine), 20)
    assert crowd.threads == 1

    machine.processors = always(2)
    crowd.begin()
    machine.used.clear()
    machine.write(crowd, 20)

    assert set(machine.used) == {2}


@pytest.mark.parametrize("threads", [2, 8, 32])
def test_a_program_that_runs_for_moments_costs_moments(threads: int) -> None:
    machine = Machine(lambda now: threads - 1 if now % 3 < 0.1 else threads)

    machine.write(crowd_on(machine, threads), 5000)

    assert machine.used.count(threads) > 0.7 * len(machine.used)


def test_waiting_for_a_disk_is_no_crowd() -> None:
    machine = Machine(always(2), waits=0.1)

    machine.write(crowd_on(machine), 1000)

    assert set(machine.used) == {2}


def test_what_must_come_out_alike_is_written_with_all_threads() -> None:
    machine = Machine(always(1))
    machine.write(crowd := crowd_on(machine), 100)
    assert crowd.threads == 1

    crowd.begin(is_free=False)
    machine.used.clear()
    machine.write(crowd, 500)

    assert set(machine.used) == {2}


def test_time_between_answers_is_nobodys_fault() -> None:
    machine = Machine(always(2))
    machine.write(crowd := crowd_on(machine), 100)

    machine.now += 1000
    machine.put_off += 5000
    crowd.begin()
    machine.write(crowd, LOOK_EVERY * 10)

    assert set(machine.used) == {2}
