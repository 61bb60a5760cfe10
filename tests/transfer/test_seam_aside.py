"""Who gives next to nothing beside fast peers is left alone, until those are slower."""

from __future__ import annotations

from herd.transfer.seam_aside import FAIR, FAST, LITTLE, Aside

MUCH, SOME = 2 * FAST, FAST // 4


def looks(aside: Aside, mine: float, rate: float, *, first: float = 0.0) -> None:
    """Looks over some seconds, in which mirror 0 gives so many bytes a second."""
    for tick in range(round(8 * FAIR / 0.1)):
        now = first + tick * 0.1
        aside.look({0: int(mine * now)}, 1, rate, now)


def test_a_slow_mirror_beside_fast_peers_is_left_alone() -> None:
    aside = Aside()
    looks(aside, LITTLE * MUCH / 2, MUCH)
    assert aside.each == {0}


def test_one_that_gives_its_part_is_not() -> None:
    aside = Aside()
    looks(aside, LITTLE * MUCH * 2, MUCH)
    assert not aside.each


def test_nor_is_anybody_where_little_comes_from_all_of_them() -> None:
    aside = Aside()
    looks(aside, 0, SOME)
    assert not aside.each


def test_it_has_a_moment_to_show_what_it_can() -> None:
    aside = Aside()
    aside.look({0: 0}, 1, MUCH, 0.0)
    aside.look({0: 0}, 1, MUCH, FAIR / 2)
    assert not aside.each


def test_when_the_others_are_slow_it_is_asked_again() -> None:
    aside = Aside()
    looks(aside, 0, MUCH)
    looks(aside, 0, SOME, first=100.0)
    assert not aside.each
    looks(aside, 0, MUCH, first=200.0)
    assert aside.each == {0}
