"""The registry that herd ships: what is in it, and that every fact says where it came from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from herd import magnet
from herd.model import Commercial, Format, MagnetSource, Model, Sha256, Status, SwarmState
from herd.plan import fit
from herd.registry.layers import shipped, stack

REGISTRY = stack([shipped()])
MODELS = REGISTRY.models
BY_NAME = {model.name: model for model in MODELS}
REFERENCES = [f"{model.name}:{variant.name}" for model in MODELS for variant in model.variants]
SOURCES = (Path(__file__).parent.parent.parent / "docs" / "registry-sources.md").read_text()
ROW = re.compile(r"^\| `([^`]+)` \| ([ABCD]) \| ([a-z-]+) \| (.+) \|$", re.MULTILINE)
ROWS = {name: (sure, how, said) for name, sure, how, said in ROW.findall(SOURCES)}
STARTERS = {"stories260k", "smollm2-135m", "qwen3-0.6b", "qwen3-4b-2507", "gpt-oss-120b", "bge-m3"}


def magnets(model: Model) -> list[MagnetSource]:
    files = [file for variant in model.variants for file in variant.files]
    return [each for file in files for each in file.sources if isinstance(each, MagnetSource)]


def test_it_has_sixty_models_that_are_not_history() -> None:
    assert sum(model.status is Status.ACTIVE for model in MODELS) >= 60


@pytest.mark.parametrize("role", ["chat", "code", "reasoning", "embedding", "vision", "test"])
def test_it_has_models_of_every_role(role: str) -> None:
    assert sum(model.role == role for model in MODELS) >= 2


def test_it_reaches_from_a_megabyte_to_more_than_a_hundred_gigabytes() -> None:
    sizes = sorted(variant.size or 0 for model in MODELS for variant in model.variants)

    assert sizes[-1] > 100e9
    assert sum(0 < size < 1e9 for size in sizes) > 10
    assert min(size for size in sizes if size) < 2e6


@pytest.mark.parametrize("reference", REFERENCES)
def test_every_variant_has_a_line_that_says_where_its_facts_came_from(reference: str) -> None:
    assert reference in ROWS


def test_no_line_is_about_a_variant_that_is_not_there() -> None:
    assert sorted(ROWS) == sorted(REFERENCES)


def test_every_source_that_a_line_names_is_listed() -> None:
    listed = set(re.findall(r"^- \*\*([^*]+)\*\*: ", SOURCES, re.MULTILINE))
    named = {key.strip() for _, _, said in ROWS.values() for key in said.split(",")}

    assert named == listed


def test_every_file_that_is_not_history_has_a_size_and_a_digest() -> None:
    files = [
        file
        for model in MODELS
        if model.status is not Status.HISTORICAL
        for variant in model.variants
        for file in variant.files
    ]

    assert all(file.size and file.sha256 for file in files)


def test_what_is_not_sure_is_kept_only_as_history() -> None:
    unsure = {name.partition(":")[0] for name, (sure, _, _) in ROWS.items() if sure in "CD"}

    assert {BY_NAME[name].status for name in unsure} == {Status.HISTORICAL}
    assert all(BY_NAME[name].reason for name in unsure)


def test_what_is_recommended_is_sure_pinned_and_open() -> None:
    starters = [model for model in MODELS if model.is_recommended]

    assert {model.name for model in starters} >= STARTERS
    for model in starters:
        assert ROWS[f"{model.name}:{model.default}"][0] == "A"
        assert model.licence.commercial is Commercial.OPEN


def test_something_is_recommended_for_machines_of_every_size() -> None:
    starters = [model for model in MODELS if model.is_recommended and model.role == "chat"]

    for gigabytes in (1, 2, 4, 8, 16, 24, 32):
        memory = gigabytes * 10**9
        sizes = [size for model in starters if (size := model.variants[0].size)]
        fitting = [size for size in sizes if fit(size, memory).value == "fits"]
        assert max(fitting) > memory * 0.2


def test_what_comes_instead_is_there() -> None:
    for model in MODELS:
        assert model.replaced_by is None or model.replaced_by in BY_NAME


def test_a_digest_that_two_variants_have_is_one_file() -> None:
    seen: dict[Sha256, tuple[int | None, str]] = {}
    for file in (file for model in MODELS for each in model.variants for file in each.files):
        if file.sha256 is not None:
            assert seen.setdefault(file.sha256, (file.size, file.name)) == (file.size, file.name)


def test_every_old_file_is_history_and_asks_for_its_licence() -> None:
    old = [model for model in MODELS if model.variants[0].format is not Format.GGUF]

    assert {"alpaca-7b", "alpaca-13b", "alpaca-30b", "gpt4all-lora"} <= {each.name for each in old}
    for model in old:
        assert model.status is Status.HISTORICAL
        assert model.licence.must_be_accepted
        assert not model.licence.is_redistributable


def test_magnets_are_whole_again_when_they_are_written() -> None:
    for source in [source for model in MODELS for source in magnets(model)]:
        text = magnet.render(source)
        read = magnet.parse(text)
        assert (read.source.v1, read.source.v2) == (source.v1, source.v2)
        assert read.source.trackers == source.trackers
        assert not read.remarks
        assert "//t.co" not in text


def test_the_withdrawn_magnet_of_13b_stands_as_revoked_and_the_true_one_is_asked() -> None:
    states = {source.v1: source.state for source in magnets(BY_NAME["alpaca-13b"])}

    assert states == {
        "053b3d54d2e77ff020ebddf51dad681f2a651071": SwarmState.LIVE,
        "f3cf71b172129d6b5abccab393bc32253fac8159": SwarmState.REVOKED,
    }


def test_the_memory_that_a_summary_names_is_enough() -> None:
    named = [(model, re.search(r"with ([0-9]+) GB of memory", model.summary)) for model in MODELS]
    told = [(model, int(found[1]) * 10**9) for model, found in named if found]

    assert len(told) > 50
    for model, memory in told:
        size = next(each.size for each in model.variants if each.name == model.default)
        assert size, model.name
        assert fit(size, memory).value == "fits", model.name
