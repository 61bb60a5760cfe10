"""Models of several architectures for benchmarks of memory: their weights are noise.

Each has the layers, heads and vocabulary of a small model of its kind; what it says is
nothing. `write(path, kind)` takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np


@dataclass(frozen=True)
class Kind:
    """The dimensions of a model."""

    architecture: str
    width: int
    layers: int
    inner: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    window: int | None = None
    is_tied: bool = False
    """Whether the output is the embedding once more."""


KINDS = {
    "llama": Kind("llama", 768, 12, 2048, 12, 3, 64, 32_000),
    "qwen2": Kind("qwen2", 896, 12, 2432, 14, 2, 64, 48_000, is_tied=True),
    "gemma3": Kind("gemma3", 640, 12, 2048, 4, 1, 256, 64_000, window=512, is_tied=True),
}


def write(path: Path, kind: Kind) -> Path:
    """Write it in F16."""
    writer = gguf.GGUFWriter(path, kind.architecture)
    writer.add_context_length(16_384)
    writer.add_embedding_length(kind.width)
    writer.add_block_count(kind.layers)
    writer.add_feed_forward_length(kind.inner)
    writer.add_head_count(kind.heads)
    writer.add_head_count_kv(kind.kv_heads)
    writer.add_key_length(kind.head)
    writer.add_value_length(kind.head)
    writer.add_rope_dimension_count(kind.head)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(1)
    if kind.window:
        writer.add_sliding_window(kind.window)
    texts = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    texts += [f"\u2581w{at}" for at in range(kind.vocabulary - len(texts))]
    types = [2, 3, 3, *[6] * 256, *[1] * (kind.vocabulary - 259)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_scores([0.0] * len(texts))
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    noise = np.random.default_rng(1).standard_normal(1 << 20).astype(np.float16) / 32
    for name, shape in tensors(kind):
        if len(shape) == 1:
            writer.add_tensor(name, np.ones(shape, dtype=np.float32))
        else:
            writer.add_tensor(name, np.resize(noise, shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tensors(kind: Kind) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes, rows first."""
    query, keys = kind.heads * kind.head, kind.kv_heads * kind.head
    yield "token_embd.weight", (kind.vocabulary, kind.width)
    yield "output_norm.weight", (kind.width,)
    if not kind.is_tied:
        yield "output.weight", (kind.vocabulary, kind.width)
    for layer in range(kind.layers):
        block = f"blk.{layer}."
        yield f"{block}attn_norm.weight", (kind.width,)
        yield f"{block}ffn_norm.weight", (kind.width,)
        yield f"{block}attn_q.weight", (query, kind.width)
        yield f"{block}attn_k.weight", (keys, kind.width)
        yield f"{block}attn_v.weight", (keys, kind.width)
        yield f"{block}attn_output.weight", (kind.width, query)
        yield f"{block}ffn_gate.weight", (kind.inner, kind.width)
        yield f"{block}ffn_up.weight", (kind.inner, kind.width)
        yield f"{block}ffn_down.weight", (kind.width, kind.inner)
        if kind.architecture == "qwen2":
            for name, size in (("q", query), ("k", keys), ("v", keys)):
                yield f"{block}attn_{name}.bias", (size,)
        if kind.architecture == "gemma3":
            yield f"{block}attn_q_norm.weight", (kind.head,)
            yield f"{block}attn_k_norm.weight", (kind.head,)
            yield f"{block}post_attention_norm.weight", (kind.width,)
            yield f"{block}post_ffw_norm.weight", (kind.width,)
