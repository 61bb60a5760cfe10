"""What is written is read back the same, by the strict reader."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd.model import File, Licence, Model, PathSource, Sampling, UrlSource, Variant
from herd.registry import writing
from herd.registry.layers import shipped
from tests.registry.sample import SAMPLE, SHA, read

OTHER = replace(read(SAMPLE).models[0], registry="x")


def again(*models: Model) -> list[Model]:
    return list(read(writing.document("x", models, "2026-11-25")).models)


def test_the_whole_shipped_registry_is_written_and_read_back() -> None:
    models = [replace(model, registry="x") for model in shipped().models]

    assert again(*models) == models


def test_every_key_is_written() -> None:
    assert again(OTHER) == [OTHER]
    assert "\n  tiny:\n" in "\n" + writing.entry(OTHER)


def test_it_reads_as_people_write() -> None:
    text = writing.document("x", [OTHER])

    assert "    title: Tiny\n" in text
    assert "          size: 4096\n" in text
    assert "          - hf: someone/tiny-GGUF\n" in text
    assert "          - url: https://files.example/tiny.gguf\n" in text
    assert f"          sha256: {SHA}\n" in text
    assert "              trackers: [udp://tracker.example:1337/announce]\n" in text


texts = st.text(string.printable + "äß—:#'\"{}[]&*!|>%@`\u2028", min_size=1, max_size=30).filter(
    lambda text: text.strip() == text and text.isprintable()
)


@settings(deadline=None)
@given(title=texts, stop=st.lists(texts, max_size=3), note=texts, heat=st.floats(0, 5))
def test_any_text_comes_back_as_it_was(title: str, stop: list[str], note: str, heat: float) -> None:
    model = replace(
        OTHER,
        title=title,
        stop=tuple(stop),
        licence=Licence("MIT", note=note),
        sampling=Sampling(temperature=round(heat, 4)),
        is_recommended=False,
    )

    assert again(model) == [model]


@pytest.mark.parametrize("name", ["no", "on", "7", "1.0", "null", "a.b_c-d", "0x10", "1e9"])
def test_names_that_look_like_something_else_are_quoted(name: str) -> None:
    file = File("x.gguf", (UrlSource("https://a.example/x"),), 7, SHA)  # type: ignore[arg-type]
    model = Model(name, name, (Variant(name, (file,)),), name, Licence(name), registry="x")

    assert again(model) == [model]


def test_a_path_of_this_machine_is_never_written() -> None:
    file = File("x.gguf", (PathSource("/etc/passwd"),), 7)
    model = Model("x", "x", (Variant("x", (file,)),), "x", Licence("MIT"))

    with pytest.raises(ValueError, match="names no path"):
        writing.document("x", [model])
