"""What llama.cpp and the system say, in plain words."""

from __future__ import annotations

import pytest

from herd.engine.load_failures import how_it_died, why_it_died, why_not_loaded


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "error loading model: tensor 'x' data is not within the file bounds\n",
            "the file is damaged or incomplete",
        ),
        (
            "llama_model_load: error loading model: unknown model architecture: 'mam\x1bba'\n",
            "this build of llama.cpp does not know the architecture mam ba",
        ),
        (
            "allocating 9000 MiB on device 0: cudaMalloc failed: out of memory\n",
            "there is not enough memory for it",
        ),
        (
            "llama_model_load: error loading model: missing\x07 tensor 'x'.\nllama: bye\n",
            "llama.cpp says: missing tensor 'x'",
        ),
        ("", "llama.cpp does not say why"),
    ],
)
def test_a_refusal_is_put_in_plain_words(said: str, why: str) -> None:
    assert why_not_loaded(said) == why


def test_a_very_long_cause_is_cut() -> None:
    assert len(why_not_loaded("error loading model: " + "x" * 9999)) < 200


@pytest.mark.parametrize(
    ("code", "how"), [(-6, "SIGABRT"), (-9, "SIGKILL"), (3, "exit status 3"), (-99, "signal 99")]
)
def test_a_death_is_named(code: int, how: str) -> None:
    assert how_it_died(code) == how


@pytest.mark.parametrize(
    ("code", "loading", "said", "why"),
    [
        (-6, True, "GGML_ASSERT(x) failed", ": the file is probably damaged"),
        (-6, False, "GGML_ASSERT(x) failed", ""),
        (-6, True, "terminate called: std::bad_alloc", ": there was not enough memory"),
        (
            -6,
            False,
            "CUDA error: out of memory\n  current device: 0, in function alloc\n",
            ": the GPU's memory ran out; fewer --gpu-layers leave more of it",
        ),
        (1, True, "ValueError", ""),
    ],
)
def test_a_death_has_a_cause_where_one_is_known(
    code: int, loading: bool, said: str, why: str
) -> None:
    assert why_it_died(code, loading=loading, said=said) == why
