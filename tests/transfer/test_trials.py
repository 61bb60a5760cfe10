"""An unproven mirror is asked for one piece, and for all of a range once that was right."""

from __future__ import annotations

import pytest

from herd.transfer.trials import PATIENCE, Trials
from tests.tools.clock import Clock

PIECE = 1000
A = "http://a.example/m"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trials(clock: Clock) -> Trials:
    made = Trials(clock)
    made.learn(PIECE)
    return made


def test_before_the_size_of_pieces_is_known_anything_may_be_asked() -> None:
    assert Trials().limit(A, 0, 9 * PIECE) == 9 * PIECE


def test_the_first_piece_may_be_asked_for_and_no_other(trials: Trials) -> None:
    assert trials.limit(A, 2 * PIECE, 9 * PIECE) == 3 * PIECE
    assert trials.limit(A, 2 * PIECE + 10, 2 * PIECE + 20) == 2 * PIECE + 20
    assert trials.limit(A, 3 * PIECE, 9 * PIECE) == 3 * PIECE


def test_who_was_right_is_asked_for_all(trials: Trials) -> None:
    trials.limit(A, 0, 9 * PIECE)
    trials.passed(A)
    assert trials.limit(A, PIECE, 9 * PIECE) == 9 * PIECE


def test_who_may_have_been_wrong_is_tried_with_one_piece_again_but_later(
    trials: Trials, clock: Clock
) -> None:
    trials.passed(A)
    trials.failed(A)
    assert trials.limit(A, 4 * PIECE, 9 * PIECE) == 4 * PIECE
    clock.now = PATIENCE + 1
    assert trials.limit(A, 4 * PIECE, 9 * PIECE) == 5 * PIECE
    assert trials.limit(A, 5 * PIECE, 9 * PIECE) == 5 * PIECE


def test_a_piece_that_nobody_judges_is_not_waited_for_for_ever(
    trials: Trials, clock: Clock
) -> None:
    trials.limit(A, 0, 9 * PIECE)
    clock.now = PATIENCE + 1
    assert trials.limit(A, PIECE, 9 * PIECE) == 2 * PIECE
    assert trials.limit(A, 2 * PIECE, 9 * PIECE) == 2 * PIECE


def test_who_was_tried_with_a_piece_of_another_size_is_tried_anew_at_once(trials: Trials) -> None:
    assert trials.limit(A, 2 * PIECE, 9 * PIECE) == 3 * PIECE
    trials.learn(PIECE // 4)
    assert trials.limit(A, 2 * PIECE + 300, 9 * PIECE) == 2 * PIECE + 500
    assert trials.limit(A, 2 * PIECE + 500, 9 * PIECE) == 2 * PIECE + 500


def test_who_may_have_been_wrong_waits_however_large_pieces_turn_out(trials: Trials) -> None:
    trials.failed(A)
    trials.learn(PIECE // 4)
    assert trials.limit(A, PIECE, 9 * PIECE) == PIECE
