"""Names of models, made of the names of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.licences import licence
from herd.model import is_name
from herd.naming import Named, line, named, slug


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("Qwen3-4B-Q4_K_M.gguf", Named("Qwen3-4B", "Q4_K_M")),
        ("Qwen3.6-35B-A3B-UD-Q4_K_M.gguf", Named("Qwen3.6-35B-A3B", "UD-Q4_K_M")),
        ("model.Q8_0.gguf", Named("model", "Q8_0")),
        ("gpt-oss-120b-mxfp4-00001-of-00003.gguf", Named("gpt-oss-120b", "MXFP4", 1, 3)),
        ("ggml-alpaca-7b-q4.bin", Named("ggml-alpaca-7b", "Q4")),
        ("plain.gguf", Named("plain", None)),
        ("x-IQ4_XS.gguf", Named("x", "IQ4_XS")),
        ("x-BF16.gguf", Named("x", "BF16")),
    ],
)
def test_a_file_name_says_the_model_and_its_quantisation(file: str, read: Named) -> None:
    assert named(file) == read


@given(st.text(max_size=120))
def test_whatever_the_file_is_called_the_names_are_safe(text: str) -> None:
    it = named(text)

    assert it.model is None or is_name(it.model)
    assert is_name(it.variant)
    assert slug(slug(text)) == slug(text)


@given(st.text(max_size=300), st.integers(2, 100))
def test_a_strangers_text_is_one_line_that_can_be_shown(text: str, most: int) -> None:
    shown = line(text, most)

    assert len(shown) <= most
    assert shown.isprintable()
    assert shown == shown.strip()


@pytest.mark.parametrize(
    ("name", "allows"),
    [
        ("MIT", "open"),
        ("apache-2.0", "open"),
        ("llama3.2", "conditional"),
        ("gemma", "conditional"),
        ("cc-by-nc-4.0", "prohibited"),
        ("cc-by-4.0", "open"),
        ("other", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_name_of_a_licence_says_what_it_allows(name: str | None, allows: str) -> None:
    assert licence(name).commercial == allows
    assert licence(name).id.lower() == (name or "unknown").lower()


def test_a_known_licence_is_spelt_as_spdx_does_whoever_names_it() -> None:
    assert [licence(each).id for each in ("apache-2.0", "APACHE-2.0", "mit", "Other")] == [
        "Apache-2.0",
        "Apache-2.0",
        "MIT",
        "Other",
    ]
