"""What a header says of the memory that a model takes."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from herd.gguf_header import Array, Header, Tensor, Value
from herd.shape import Layer, shape

LLAMA: dict[str, Value] = {
    "general.architecture": "llama",
    "general.file_type": 3,
    "llama.block_count": 4,
    "llama.embedding_length": 576,
    "llama.feed_forward_length": 1536,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "llama.context_length": 8192,
    "tokenizer.ggml.tokens": Array(49_152),
}


def header(values: dict[str, Value], tensors: tuple[Tensor, ...] = ()) -> Header:
    return Header(3, MappingProxyType(values), tensors, 1000)


def renamed(architecture: str, **more: Value) -> dict[str, Value]:
    values = {key.replace("llama.", f"{architecture}.", 1): value for key, value in LLAMA.items()}
    values["general.architecture"] = architecture
    return values | {f"{architecture}.{key}": value for key, value in more.items()}


def test_heads_that_share_keys_count_once() -> None:
    found = shape(header(LLAMA), 98_000_000)

    assert found.layers == (Layer(192, 192),) * 4
    assert (found.width, found.inner, found.heads) == (576, 1536, 9)
    assert (found.vocabulary, found.trained, found.weights) == (49_152, 8192, 98_000_000)


def test_heads_may_have_a_size_of_their_own() -> None:
    sizes: dict[str, Value] = {
        "llama.attention.key_length": 128,
        "llama.attention.value_length": 96,
    }

    assert shape(header(LLAMA | sizes), 1).layers[0] == Layer(384, 288)


def test_a_header_without_groups_has_a_key_for_each_head() -> None:
    values = {key: value for key, value in LLAMA.items() if "head_count_kv" not in key}

    assert shape(header(values), 1).layers[0] == Layer(576, 576)


def test_layers_may_differ() -> None:
    values = LLAMA | {"llama.attention.head_count_kv": Array(4, (3, 0, 1, 0))}

    assert [layer.key for layer in shape(header(values), 1).layers] == [192, 0, 64, 0]


@pytest.mark.parametrize(
    ("architecture", "windows"),
    [
        ("gemma2", [512, None, 512, None]),
        ("gemma3", [512, 512, 512, 512]),
        ("cohere2", [512, 512, 512, None]),
        ("phi3", [None] * 4),
    ],
)
def test_which_layers_look_at_a_window_is_known_by_the_architecture(
    architecture: str, windows: list[int | None]
) -> None:
    values = renamed(architecture, **{"attention.sliding_window": 512})

    assert [layer.window for layer in shape(header(values), 1).layers] == windows


def test_a_header_may_say_itself_which_layers_look_at_a_window() -> None:
    more: dict[str, Value] = {
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": Array(4, (True, True, True, False)),
    }
    values = renamed("new", **more)

    assert [layer.window for layer in shape(header(values), 1).layers] == [512, 512, 512, None]


def test_a_recurrent_model_keeps_a_state_of_one_size() -> None:
    more: dict[str, Value] = {
        "ssm.inner_size": 1536,
        "ssm.state_size": 16,
        "ssm.conv_kernel": 4,
        "attention.head_count": 0,
        "attention.head_count_kv": 0,
    }
    found = shape(header(renamed("mamba", **more)), 1)

    assert found.state == 4 * 4 * (3 * (1536 + 0) + 16 * 1536)
    assert found.layers == (Layer(0, 0),) * 4


def test_of_experts_only_those_at_work_take_room() -> None:
    values = renamed("qwen3moe", expert_feed_forward_length=768, expert_used_count=8)

    assert shape(header(values), 1).inner == 6144


def test_tensors_outside_of_the_layers_are_counted_where_they_are_known() -> None:
    tensors = (
        Tensor("token_embd.weight", (576, 49_152), 8, 0),
        Tensor("blk.0.attn_q.weight", (576, 576), 3, 0),
    )
    found = shape(header(LLAMA, tensors), 98_000_000)

    assert found.around == 576 * 49_152 * 34 // 32
    assert found.per_layer == (98_000_000 - found.around) // 4


@pytest.mark.parametrize(("file_type", "is_repacked"), [(2, True), (15, True), (3, False)])
def test_some_weights_are_laid_out_anew_for_a_cpu(file_type: int, is_repacked: bool) -> None:
    assert shape(header(LLAMA | {"general.file_type": file_type}), 1).is_repacked is is_repacked


def test_a_header_that_says_nothing_has_a_shape_all_the_same() -> None:
    found = shape(header({}), 1000)

    assert (found.layers, found.weights, found.per_layer) == ((), 1000, 1000)
