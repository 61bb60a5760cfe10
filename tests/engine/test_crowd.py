"""Threads that give way to other programs."""

from __future__ import annotations

from dataclasses import dataclass, field

from herd.engine.crowd import FIRST_TRY, LAST_TRY, LOOK_EVERY, Crowd, Spent


@dataclass
class Machine:
    """A machine on which a token takes 10 ms, or 40 where threads share a processor."""

    processors: float = 2.0
    """That other programs leave."""
    waits: float = 0.0
    """Seconds that a token waits for a disk."""
    now: float = 0.0
    computing: float = 0.0
    put_off: int = 0
    used: list[int] = field(default_factory=list)

    def spent(self) -> Spent:
        return Spent(self.now, self.computing, self.put_off)

    def write(self, crowd: Crowd, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            is_crowded = crowd.threads > self.processors
            took = (0.04 if is_crowded else 0.01) + self.waits
            self.now += took
            self.computing += (took - self.waits) * crowd.threads * (0.5 if is_crowded else 0.98)
            self.put_off += 200 if is_crowded else 1
            crowd.wrote()
            self.used.append(crowd.threads)


def crowd_on(machine: Machine, most: int = 2) -> Crowd:
    return Crowd(most, lambda _: None, machine.spent)


def test_threads_that_nobody_disturbs_all_write() -> None:
    machine = Machine(processors=2)

    machine.write(crowd_on(machine), 60)

    assert set(machine.used) == {2}


def test_a_thread_goes_where_another_program_takes_its_processor() -> None:
    machine = Machine(processors=1)

    machine.write(crowd_on(machine), 60)

    assert machine.used[LOOK_EVERY:].count(1) > 0.9 * len(machine.used)


def test_as_many_go_as_processors_are_taken() -> None:
    machine = Machine(processors=5)

    machine.write(crowd := crowd_on(machine, most=8), FIRST_TRY)

    assert crowd.threads == 5


def test_one_thread_always_writes() -> None:
    machine = Machine(processors=0.5)

    machine.write(crowd_on(machine), 10)

    assert min(machine.used) == 1


def test_a_thread_is_back_soon_after_the_other_program_has_gone() -> None:
    machine = Machine(processors=1)
    machine.write(crowd := crowd_on(machine), 5)

    machine.processors = 2
    machine.write(crowd, LAST_TRY)

    assert crowd.threads == 2


def test_waiting_for_a_disk_is_no_crowd() -> None:
    machine = Machine(processors=2, waits=0.1)

    machine.write(crowd_on(machine), 10)

    assert set(machine.used) == {2}


def test_what_must_come_out_alike_is_written_with_all_threads() -> None:
    machine = Machine(processors=1)
    machine.write(crowd := crowd_on(machine), 1)
    assert crowd.threads == 1

    crowd.begin(is_free=False)
    machine.used.clear()
    machine.write(crowd, 5)

    assert set(machine.used) == {2}


def test_time_between_answers_is_nobodys_fault() -> None:
    machine = Machine(processors=2)
    machine.write(crowd := crowd_on(machine), 1)

    machine.now += 1000
    machine.put_off += 5000
    crowd.begin()
    machine.write(crowd, 1)

    assert set(machine.used) == {2}
