"""Named chat templates: which of them a model gets that brings none, and what they write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from herd.chat import Role, Turn
from herd.engine.template import Special, Template
from herd.errors import BadUsage
from herd.templates import TEMPLATES, guessed, named

TURNS = [Turn(Role.USER, "Why?"), Turn(Role.ASSISTANT, "So."), Turn(Role.USER, "And then?")]


def knowing(*words: str) -> Callable[[str], bool]:
    return words.__contains__


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_writes_what_was_said_in_its_order(name: str) -> None:
    template = Template(TEMPLATES[name].template, Special("<s>", "</s>"))

    told = template.render([Turn(Role.SYSTEM, "You are a llama."), *TURNS])

    places = [told.find(text) for text in ("You are a llama.", "Why?", "So.", "And then?")]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("names", "words", "expected"),
    [
        ("ggml-alpaca-7b", (), "alpaca"),
        ("gpt4all-lora", (), "alpaca"),
        ("Vicuna 7B v1.1", (), "vicuna"),
        ("zephyr-7b-beta", (), "zephyr"),
        ("Llama-2-7b-chat-hf", (), "llama2"),
        ("qwen2-0.5b-instruct", ("<|im_start|>", "<|im_end|>"), "chatml"),
        ("gemma-2b-it", ("<start_of_turn>", "<end_of_turn>"), "gemma"),
        ("meta-llama-3-8b-instruct", ("<|start_header_id|>", "<|eot_id|>"), "llama3"),
        ("phi-3-mini-instruct", ("<|user|>", "<|assistant|>", "<|end|>"), "phi3"),
        ("mixtral-8x7b-instruct", (), "mistral"),
        ("somebody-7b-instruct", (), "alpaca"),
    ],
)
def test_a_model_to_talk_with_gets_the_template_that_its_names_or_words_tell(
    names: str, words: tuple[str, ...], expected: str
) -> None:
    guess = guessed(names, knowing(*words))

    assert guess is not None
    assert guess.prompt.name == expected
    assert guess.why


@pytest.mark.parametrize("names", ["smollm2-135m", "llama-7b", "spirit-7b", "qwen3-4b-base"])
def test_a_base_model_gets_none_whatever_words_it_knows(names: str) -> None:
    assert guessed(names, lambda _: True) is None


def test_a_name_that_nobody_knows_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(BadUsage, match="no template") as caught:
        named("wool")
    assert "chatml" in str(caught.value.hint)
