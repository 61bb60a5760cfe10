"""Which bytes are written, claimed or free; and who takes what from whom."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd.transfer.board import FIRST, LEAST, MOST, Board, Claim
from herd.transfer.extents import Extents
from tests.tools.clock import Clock

MIB = 1024 * 1024
SPAN = st.tuples(st.integers(0, 60), st.integers(0, 60))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), SPAN), max_size=30), SPAN)
def test_extents_are_a_set_of_numbers(
    deeds: list[tuple[bool, tuple[int, int]]], asked: tuple[int, int]
) -> None:
    extents, plain = Extents(), set[int]()
    for is_added, (start, stop) in deeds:
        before = len(plain)
        if is_added:
            plain |= set(range(start, stop))
            assert extents.add(start, stop) == len(plain) - before
        else:
            plain -= set(range(start, stop))
            assert extents.remove(start, stop) == before - len(plain)
        assert extents.total == len(plain)
    low, high = asked
    inside = {at for start, stop in extents.within(low, high) for at in range(start, stop)}
    assert inside == plain & set(range(low, high))
    missing = {at for start, stop in extents.gaps(low, high) for at in range(start, stop)}
    assert missing == set(range(low, high)) - plain
    assert extents.reach(low) == next(at for at in range(low, 200) if at not in plain)
    spans = list(extents)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans)), "ranges that touch are one"
    assert list(extents.copy()) == spans


def test_claims_come_from_the_lowest_free_bytes_so_that_the_beginning_grows() -> None:
    board = Board(100 * MIB)
    first, second = board.take("a", None), board.take("a", None)
    assert first is not None
    assert (first.start, first.stop) == (0, FIRST)
    assert second is not None
    assert second.start == FIRST


def test_a_claim_lasts_four_seconds_within_bounds() -> None:
    board = Board(100_000 * MIB)
    sizes = [board.take("a", rate) for rate in (10_000.0, 5.0 * MIB, 1000.0 * MIB)]
    assert [claim.left for claim in sizes if claim] == [LEAST, 20 * MIB, MOST]


def test_several_workers_share_what_is_left_and_one_alone_takes_all_of_it() -> None:
    board = Board(20 * MIB)
    alone = board.take("a", 100.0 * MIB)
    assert alone is not None
    assert alone.left == 20 * MIB
    board.release(alone)
    board.workers = 4
    shares = [board.take("a", 100.0 * MIB) for _ in range(4)]
    assert all(share is not None and share.left <= 20 * MIB // 8 for share in shares)


def test_who_brings_most_of_it_takes_most_of_what_is_left() -> None:
    clock = Clock()
    board = Board(800 * MIB, clock=clock)
    board.workers = 4
    others = [board.take("a", float(MIB)) for _ in range(3)]
    clock.now = 1.0
    for each in others:
        assert each is not None
        board.advance(each, MIB)
    fast = board.take("a", 47.0 * MIB)
    assert fast is not None
    assert fast.left == MOST
    board.put("a", Extents([(fast.stop, 700 * MIB)]))
    fast, slow = board.take("a", 47.0 * MIB), board.take("a", float(MIB))
    assert fast is not None
    assert slow is not None
    assert fast.left > 10 * slow.left


def test_who_follows_the_writers_is_woken_by_the_byte_that_it_waits_for() -> None:
    board = Board(10 * MIB)
    woken = threading.Event()

    def follow() -> None:
        while board.prefix() < MIB:
            board.await_prefix(MIB, 60.0)
        woken.set()

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    board.wrote("a", 4096, MIB)
    assert not woken.is_set()
    board.wrote("a", 0, 4096)
    assert woken.wait(30.0)
    following.join()


def test_what_is_not_finished_is_free_again() -> None:
    board = Board(FIRST)
    claim = board.take("a", None)
    assert claim is not None
    assert board.advance(claim, 1000) == 1000
    board.wrote("a", 0, 1000)
    board.release(claim)
    again = board.take("b", None)
    assert again is not None
    assert again.start == 1000
    assert board.prefix() == 1000


def test_an_idle_worker_takes_half_of_what_would_last_longest() -> None:
    clock = Clock()
    board = Board(8 * MIB, workers=1, clock=clock)
    slow, fast = board.take("a", 1.0 * MIB), board.take("b", 1.0 * MIB)
    assert slow is not None
    assert fast is not None
    assert slow.stop == 4 * MIB
    for _ in range(20):
        clock.now += 0.1
        board.advance(slow, 10_000)
        board.advance(fast, 190_000)
    thief = board.take("b", 100_000.0)
    assert thief is not None
    assert (slow.stop, thief.stop) == (thief.start, 4 * MIB)
    assert abs(slow.left - thief.left) <= 128 * 1024
    assert board.advance(slow, 4 * MIB) == thief.start - slow.start - 200_000, (
        "it may write no more"
    )


def test_a_stalled_claim_is_taken_whole() -> None:
    clock = Clock()
    board = Board(FIRST, workers=1, clock=clock)
    stalled = board.take("a", None)
    assert stalled is not None
    board.advance(stalled, 5000)
    clock.now = 10.0
    thief = board.take("b", 1.0 * MIB)
    assert thief is not None
    assert (thief.start, thief.stop, stalled.left) == (5000, FIRST, 0)


@dataclass
class Crew:
    """Workers of one board, each with a connection to the same giver."""

    late: float
    """Seconds until an answer begins."""
    rates: Sequence[float]
    """Of each worker: bytes a second from then on."""
    step: float = 0.1
    """Seconds from look to look."""

    def bring(self, size: int) -> tuple[float, int]:
        """Seconds and questions until they have all of it; at first they know no rate."""
        clock, questions, is_known = Clock(), 0, False
        board = Board(size, workers=len(self.rates), clock=clock)
        busy: dict[int, tuple[Claim, float]] = {}
        while not board.is_whole:
            for worker, rate in enumerate(self.rates):
                known, late = (rate, self.late) if is_known else (None, 0.0)
                if worker not in busy and (claim := board.take("a", known, late)) is not None:
                    busy[worker] = claim, clock.now
                    questions += 1
            clock.now += self.step
            for worker, (claim, asked) in list(busy.items()):
                if clock.now - asked >= self.late:
                    at = claim.at
                    count = board.advance(claim, int(self.rates[worker] * self.step))
                    board.wrote("a", at, at + count)
                if claim.left <= 0:
                    board.release(busy.pop(worker)[0])
                    is_known = True
            assert clock.now < 600.0, "all of it came long ago"
        return clock.now, questions


@pytest.mark.parametrize("late", [0.3, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("rate", [1e6, 10e6])
def test_workers_of_a_giver_that_answers_late_do_not_wait_longer_than_one_alone(
    late: float, rate: float
) -> None:
    size = 64 * MIB
    seconds, questions = Crew(late, [rate] * 8).bring(size)
    assert seconds <= late + size / rate + 2 * late, "first answers, and those that come next"
    assert questions <= 48


def test_one_fast_connection_among_slow_ones_does_not_wait_for_them_at_the_end() -> None:
    rates, size = [8.0 * MIB, *[0.4 * MIB] * 7], 100 * MIB
    seconds, _ = Crew(0.16, rates, step=0.02).bring(size)
    assert seconds <= 1.15 * size / sum(rates), "an answer is late, again and again"


def test_what_is_taken_from_a_late_giver_is_worth_the_wait() -> None:
    clock = Clock()
    board = Board(FIRST, workers=1, clock=clock)
    claim = board.take("a", None)
    assert claim is not None
    for _ in range(15):
        clock.now += 0.1
        board.advance(claim, 100_000)
    assert claim.left < 3.0 * 1e6
    assert board.take("a", 1e6, late=3.0) is None, "it would be there before"
    thief = board.take("a", 1e6, late=1.0)
    assert thief is not None
    assert thief.left < claim.left, "the other goes on meanwhile"


def test_a_giver_that_never_answers_holds_up_what_another_can_give_for_a_second() -> None:
    clock = Clock()
    board = Board(FIRST, workers=1, clock=clock)
    silent = board.take("silent", None)
    assert silent is not None
    clock.now = 0.9
    assert board.take("b", 1.0 * MIB) is None
    clock.now = 1.1
    thief = board.take("b", 1.0 * MIB)
    assert thief is not None
    assert (thief.start, thief.stop) == (0, FIRST)


def test_nothing_is_taken_from_who_is_nearly_done() -> None:
    clock = Clock()
    board = Board(FIRST, workers=1, clock=clock)
    claim = board.take("a", None)
    assert claim is not None
    for _ in range(38):
        clock.now += 0.1
        board.advance(claim, 100_000)
    assert board.take("b", 1.0 * MIB) is None


def test_a_size_that_becomes_known_opens_the_rest() -> None:
    board = Board(None, workers=1)
    first = board.take("a", None)
    assert board.take("b", None) is None
    assert board.learn(10 * MIB)
    assert not board.learn(11 * MIB)
    second = board.take("b", None)
    assert first is not None
    assert second is not None
    assert second.start == first.stop == FIRST


def test_a_size_smaller_than_the_first_claim_shortens_it() -> None:
    board = Board(None, workers=1)
    claim = board.take("a", None)
    assert claim is not None
    board.learn(1000)
    assert claim.stop == 1000
    assert board.take("b", None) is None


def test_bytes_that_are_thrown_away_come_again_and_count_as_wasted() -> None:
    board = Board(10)
    board.put("a", Extents([(0, 6)]))
    board.put("b", Extents([(6, 10)]))
    assert board.done == 10
    board.reopen(Extents([(0, 6)]))
    assert board.done == 4
    assert board.wasted == 6
    assert board.prefix() == 0
    assert board.snapshot() == {"b": [(6, 10)]}
    claim = board.take("b", None)
    assert claim is not None
    assert (claim.start, claim.stop) == (0, 6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3_000_000)), max_size=60))
def test_no_byte_is_ever_lost_or_claimed_twice(deeds: list[tuple[int, int]]) -> None:
    clock = Clock()
    size = 20_000_000
    board = Board(size, workers=4, clock=clock)
    claims: dict[int, Claim] = {}
    for worker, count in deeds:
        clock.now += 0.3
        claim = claims.get(worker)
        if claim is None:
            if taken := board.take(str(worker), None if count % 2 else count / 1.0):
                claims[worker] = taken
            continue
        at = claim.at
        allowed = board.advance(claim, count)
        board.wrote(str(worker), at, at + allowed)
        if claim.left == 0 or count % 7 == 0:
            board.release(claims.pop(worker))
        open_ones = sorted((each.at, each.stop) for each in claims.values() if each.left)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(open_ones))
    for claim in claims.values():
        board.release(claim)
    while claim := board.take("last", 1e9):
        board.wrote("last", claim.at, claim.at + board.advance(claim, claim.left))
        board.release(claim)
    assert board.is_whole
    assert board.wasted == 0


def test_nothing_is_asked_for_once_an_answer_of_the_whole_file_brought_it_all() -> None:
    clock = Clock()
    board = Board(4 * MIB, workers=2, clock=clock)
    claim = board.take("a", None)
    assert claim is not None
    clock.now += 60

    board.wrote("whole", 0, 4 * MIB)

    assert claim.left == 0
    assert board.take("b", 1e9) is None
    board.release(claim)
    assert board.is_whole
    assert board.wasted == 0
