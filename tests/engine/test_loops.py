"""Loops: the same words again and again."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from herd.chat import Role, Turn
from herd.engine import Engine, Finished, Loadable
from herd.engine.loops import LEAST_TIMES, LEAST_TOKENS, LONGEST_PERIOD, is_looping
from herd.model import Sampling


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=LONGEST_PERIOD), st.lists(st.integers(0, 9))
)
def test_a_stretch_said_over_and_over_is_a_loop(stretch: list[int], before: list[int]) -> None:
    times = max(LEAST_TIMES, -(-LEAST_TOKENS // len(stretch))) + 1

    assert is_looping(before + stretch * times)


def test_a_stretch_said_a_few_times_is_none() -> None:
    assert not is_looping(list(range(40)) * 4)
    assert not is_looping([7] * (LEAST_TOKENS - 1))


def test_a_list_that_counts_is_none() -> None:
    lines = [token for at in range(100) for token in (1, 2, 3, 100 + at, 4)]

    assert not is_looping(lines)


def test_nothing_is_no_loop() -> None:
    assert not is_looping([])


def test_a_model_in_a_loop_is_ended(engine: Engine, tiny: Loadable) -> None:
    def ended(most: int | None) -> Finished:
        sampling = Sampling(temperature=0, max_tokens=most)
        turns = [Turn(Role.USER, "llama wool")]
        last = list(engine.answer(tiny, turns, sampling, threading.Event()))[-1]
        assert isinstance(last, Finished)
        return last

    assert ended(None).reason == "loop"  # greedy, these weights say one word for ever
    assert ended(300).reason == "length"
