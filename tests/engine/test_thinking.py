"""What a model thinks is told apart from what it answers, however the words arrive."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.chat import Role, Turn
from herd.engine import Engine, Extras, Finished, Loadable, Text, Thinking
from herd.engine.template import Special, Template
from herd.engine.thinking import MARKS, Thoughts, begun_by
from tests.engine.asking import GREEDY, user

ANSWERS = {
    "Wool is warm.": ("", "Wool is warm."),
    " Wool is warm.": ("", " Wool is warm."),
    "<think>\nIs it?\n</think>\n\nWool is warm.": ("Is it?", "Wool is warm."),
    "\n<think>Is it?</think>Warm.": ("Is it?", "Warm."),
    "<thinking>Hm.</thinking> Warm.": ("Hm.", "Warm."),
    "[THINK]Hm.[/THINK]Warm.": ("Hm.", "Warm."),
    "<think>\n\n</think>\n\nWarm.": ("", "Warm."),
    "<think>It never ends": ("It never ends", ""),
    "<think>a < b </thi": ("a < b </thi", ""),
    "<thinner>Warm": ("", "<thinner>Warm"),
    "Write <think>so</think> here": ("", "Write <think>so</think> here"),
    "<think>one</think><think>two</think>Warm": ("onetwo", "Warm"),
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Warm.": (
        "Hm.",
        "Warm.",
    ),
    "<|channel|>final<|message|>Warm.": ("", "Warm."),
    "<|channel>thought\nHm.<channel|>Warm.": ("Hm.", "Warm."),
}


def told(thoughts: Thoughts, parts: list[str]) -> tuple[str, str]:
    pieces = [piece for part in parts for piece in thoughts.feed(part)] + list(thoughts.end())
    return (
        "".join(piece.text for piece in pieces if isinstance(piece, Thinking)),
        "".join(piece.text for piece in pieces if isinstance(piece, Text)),
    )


@pytest.mark.parametrize("said", ANSWERS)
def test_thoughts_are_told_apart(said: str) -> None:
    assert told(Thoughts(), [said]) == ANSWERS[said]


@pytest.mark.parametrize("said", ANSWERS)
def test_it_does_not_matter_how_the_words_arrive(said: str) -> None:
    thought, answer = told(Thoughts(), list(said))

    assert (thought.strip(), answer) == (ANSWERS[said][0].strip(), ANSWERS[said][1])


def test_a_template_may_have_begun_the_thinking() -> None:
    begun = begun_by("<|im_start|>assistant\n<think>\n")

    assert begun == MARKS[0]
    assert told(Thoughts(begun), ["\nHm.", "\n</think>\n\nWarm."]) == ("Hm.", "Warm.")
    assert begun_by("<|im_start|>assistant\n") is None
    assert begun_by("<think>\n\n</think>\n\n") is None


def test_what_is_no_answer_has_no_thoughts() -> None:
    assert told(Thoughts(is_answering=True), ["<think>a</think>"]) == ("", "<think>a</think>")


@given(st.lists(st.sampled_from([*"<thinka>/ \n|", "<think>", "</think>", "wool"])))
def test_nothing_is_lost_but_marks_and_space(parts: list[str]) -> None:
    thought, answer = told(Thoughts(), parts)
    kept = "".join((thought + answer).split())
    whole = "".join("".join(parts).split())

    assert kept in (whole, *(_without(whole, times) for times in range(1, 9)))


def _without(whole: str, times: int) -> str:
    """Without the first so many marks, as they come: begin, end, begin..."""
    result = ""
    for at in range(times):
        mark = "<think>" if at % 2 == 0 else "</think>"
        before, found, whole = whole.partition(mark)
        result += before
        if not found:
            break
    return result + whole


def test_a_model_that_only_thinks_says_nothing(engine: Engine, tiny: Loadable) -> None:
    thinking = replace(tiny, template="{{ messages[-1].content }} <think>\n")

    pieces = list(engine.answer(thinking, [user("hum?")], GREEDY, threading.Event()))

    assert any(isinstance(piece, Thinking) for piece in pieces)
    assert not any(isinstance(piece, Text) for piece in pieces)
    assert isinstance(pieces[-1], Finished)


def test_an_answer_that_goes_on_has_been_thought_about(engine: Engine, tiny: Loadable) -> None:
    thinking = replace(tiny, template="{{ messages[-1].content }} <think>\n")
    half = Turn(Role.ASSISTANT, "Because", is_complete=False)

    pieces = list(engine.answer(thinking, [user("hum?"), half], GREEDY, threading.Event()))

    assert any(isinstance(piece, Text) for piece in pieces)
    assert not any(isinstance(piece, Thinking) for piece in pieces)


def test_a_template_is_told_whether_to_think(engine: Engine, tiny: Loadable) -> None:
    asks = "{{ messages[-1].content }}{% if enable_thinking is not false %} <think>\n{% endif %}"
    model = replace(tiny, template=asks)
    quiet = Extras(thinks=False)

    pieces = list(engine.answer(model, [user("hum?")], GREEDY, threading.Event(), quiet))

    assert any(isinstance(piece, Text) for piece in pieces)
    assert Template(asks, Special()).render([user("a")], thinks=True).endswith("<think>\n")
