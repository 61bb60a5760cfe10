"""What may be asked of a model beside words."""

from __future__ import annotations

import pytest

from herd.errors import BadUsage
from herd.registry import wishes
from herd.registry.layers import shipped, stack
from herd.registry.wishes import Wishes

MODELS = stack([shipped()]).models
GB = 10**9


def found(wished: Wishes) -> dict[str, str]:
    pairs = [(model.name, wished.variant(model)) for model in MODELS]
    return {name: variant.name for name, variant in pairs if variant}


def test_without_a_wish_every_model_is_offered_by_its_default() -> None:
    assert found(Wishes()) == {model.name: model.default for model in MODELS}


def test_a_role_a_family_and_a_licence_are_held_to_the_letter() -> None:
    assert set(found(Wishes(role="embedding"))) >= {"nomic-embed", "bge-m3"}
    assert "qwen2.5-coder-7b" not in found(Wishes(family="qwen2.5"))
    assert "qwen2.5-7b" in found(Wishes(family="QWEN2.5"))
    assert "llama-3.2-1b" not in found(Wishes(licence="open"))
    assert set(found(Wishes(licence="mit"))) >= {"phi-4", "bge-m3"}


def test_of_several_variants_the_largest_that_is_small_enough_is_offered() -> None:
    assert found(Wishes(most=12 * GB))["gpt-oss-20b"] == "q4_k_m-bartowski"
    assert found(Wishes(most=13 * GB))["gpt-oss-20b"] == "mxfp4"
    assert "gpt-oss-20b" not in found(Wishes(most=5 * GB))


def test_what_fits_leaves_room_in_the_memory() -> None:
    fitting = found(Wishes(memory=8 * GB))

    assert "qwen3-4b" in fitting
    assert "qwen3-8b" not in fitting


def test_what_has_no_known_size_is_not_offered_as_small() -> None:
    assert "gpt4all-lora" not in found(Wishes(most=10**15))


@pytest.mark.parametrize(
    ("wished", "said"),
    [
        (Wishes(family="qwen33"), "Did you mean qwen3"),
        (Wishes(licence="Apache"), "apache-2.0"),
        (Wishes(family="zebra"), "There are "),
    ],
)
def test_what_nothing_has_is_refused_with_what_there_is(wished: Wishes, said: str) -> None:
    with pytest.raises(BadUsage) as caught:
        wishes.check(wished, MODELS)

    assert said in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("8GB", 8 * GB), ("500 MB", 500_000_000), ("1.5g", 1_500_000_000), ("7", 7)),
        *(("1GiB", 1 << 30), ("2 kib", 2048), ("0.5T", 500 * GB)),
    ],
)
def test_sizes_are_written_as_people_do(text: str, size: int) -> None:
    assert wishes.size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "8 GBB", "1e9", "8,5GB", "9" * 40])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadUsage):
        wishes.size(text)
