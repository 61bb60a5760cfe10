"""Finding a model by its name and by words."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.errors import UnknownModel
from herd.model import InfoHash, MagnetSource, Reference, reference
from herd.registry import Registry
from herd.registry.layers import shipped, stack
from tests.registry.sample import SAMPLE, V2, read

SHIPPED = stack([shipped()])
TINY = Registry(read(SAMPLE).models)


def found(words: str, registry: Registry = SHIPPED) -> list[str]:
    return [model.name for model in registry.search(words.split())]


def refused(name: str, registry: Registry = SHIPPED) -> UnknownModel:
    with pytest.raises(UnknownModel) as caught:
        registry.find(reference(name))
    return caught.value


def test_a_name_an_alias_and_any_case_find_the_default_variant() -> None:
    for name in ("tiny", "small", "TINY", "tiny:q4_0", "small@Q4_0"):
        assert TINY.find(reference(name)).reference == Reference("tiny", "q4_0")


def test_a_missing_variant_lists_those_there_are() -> None:
    assert refused("tiny:q8_0", TINY).hint == "It has q4_0: try tiny:q4_0."


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("smolm2", "smollm2"), ("qwen3-4", "qwen3-4b"), ("lama-3.2", "llama-3.2-1b"), ("alpca", "al")],
)
def test_a_name_that_is_nearly_right_is_understood(wrong: str, meant: str) -> None:
    hint = refused(wrong).hint or ""

    assert hint.startswith("Did you mean ")
    assert meant in hint


def test_a_name_that_is_near_nothing_says_where_to_look() -> None:
    assert refused("zzzz").hint == "`herd search` lists every model."


@given(st.text(max_size=40))
def test_any_text_is_found_or_unknown(text: str) -> None:
    with suppress(UnknownModel):
        assert SHIPPED.find(reference(text)).model in SHIPPED.models


def test_every_word_must_occur_and_names_come_first() -> None:
    names = found("qwen3 0.6b")

    assert names[0] == "qwen3-0.6b"
    assert found("qwen3 4b")[0] == "qwen3-4b-2507", "of equals, what is recommended is first"
    assert found("qwen3 zebra") == []


def test_no_words_find_everything_and_what_is_history_comes_last() -> None:
    names = found("")

    assert sorted(names) == sorted(model.name for model in SHIPPED.models)
    assert names[-1].startswith(("alpaca", "gpt4all", "vicuna", "mixtral", "mistral"))


def test_a_swarm_is_known_by_either_info_hash() -> None:
    known = TINY.find_magnet(MagnetSource(v2=InfoHash(V2)))

    assert known is not None
    assert known[0].model.name == "tiny"
    assert TINY.find_magnet(MagnetSource(v1=InfoHash("ab" * 20))) is None
    assert TINY.find_magnet(MagnetSource()) is None
