"""A wrong piece leads to whoever gave it first, and to nobody where several gave it."""

from __future__ import annotations

import pytest

from herd.transfer.seam_givers import Givers


@pytest.fixture
def givers() -> Givers:
    found = Givers()
    found.learn(25, 10)
    return found


def test_who_gave_all_of_a_piece_gave_it_wrong(givers: Givers) -> None:
    givers.gave("a", 0, 4)
    givers.gave("a", 4, 12)
    assert givers.convict(0) == "a"
    assert givers.convict(1) is None


def test_the_last_piece_is_shorter(givers: Givers) -> None:
    givers.gave("a", 20, 25)
    assert givers.convict(2) == "a"


def test_who_gave_it_again_in_the_meantime_is_innocent(givers: Givers) -> None:
    givers.gave("liar", 0, 10)
    givers.gave("honest", 0, 10)
    assert givers.convict(0) == "liar"
    assert givers.share("honest") == 10


def test_a_piece_of_several_givers_convicts_nobody(givers: Givers) -> None:
    givers.gave("a", 0, 5)
    givers.gave("b", 5, 10)
    assert givers.convict(0) is None


def test_who_gave_all_of_it_after_another_gave_some_is_not_convicted(givers: Givers) -> None:
    givers.gave("liar", 0, 3)
    givers.gave("honest", 0, 10)
    assert givers.convict(0) is None


def test_a_piece_that_came_again_and_is_wrong_again_convicts_its_second_giver(
    givers: Givers,
) -> None:
    givers.gave("a", 0, 10)
    assert givers.convict(0) == "a"
    givers.gave("b", 0, 10)
    assert givers.convict(0) == "b"


def test_a_byte_is_the_share_of_whoever_gave_it_last(givers: Givers) -> None:
    givers.gave("a", 0, 10)
    givers.gave("b", 5, 15)
    assert (givers.share("a"), givers.share("b"), givers.share("c")) == (5, 10, 0)
    givers.forget("b")
    assert givers.share("b") == 0


def test_before_the_pieces_are_known_nobody_is_convicted() -> None:
    givers = Givers()
    givers.gave("a", 0, 10)
    assert givers.convict(0) is None
    assert givers.share("a") == 10
