"""Sequences whose items are made late behave as lists do."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.registry.sequences import Chain, Late, Picked

parts = st.lists(st.lists(st.integers(), max_size=4), max_size=5)
places = st.integers(-25, 25)


def same(it: Sequence[int], expected: list[int], at: int, cut: slice) -> None:
    assert list(it) == expected
    assert len(it) == len(expected)
    assert list(it[cut]) == expected[cut]
    assert list(reversed(it)) == expected[::-1]
    if -len(expected) <= at < len(expected):
        assert it[at] == expected[at]
    else:
        with pytest.raises(IndexError):
            it[at]


@given(parts, places, st.slices(20))
def test_several_on_end_are_one(lists: list[list[int]], at: int, cut: slice) -> None:
    same(Chain(lists), [each for part in lists for each in part], at, cut)


@given(st.lists(st.integers(), max_size=9), st.data(), places, st.slices(9))
def test_a_choice_of_many(items: list[int], data: st.DataObject, at: int, cut: slice) -> None:
    chosen = data.draw(
        st.lists(st.integers(0, len(items) - 1), max_size=9) if items else st.just([])
    )

    same(Picked(items, chosen), [items[each] for each in chosen], at, cut)


@given(st.lists(st.integers(), max_size=9), places, st.slices(9))
def test_what_is_made_late_is_made_once(items: list[int], at: int, cut: slice) -> None:
    made: list[int] = []

    def make() -> list[int]:
        made.append(1)
        return items

    late = Late(len(items), make)
    assert (len(late), made) == (len(items), [])
    same(late, items, at, cut)
    assert len(made) == 1
