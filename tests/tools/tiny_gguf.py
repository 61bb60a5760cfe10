"""Tiny models that really load and generate: a llama of two layers with random, seeded weights.

They answer with words of their vocabulary, about as fast as the engine can be asked, and
they say the same thing for the same seed. `write` makes one; `damaged` makes one that does
not load, in the ways that real files are damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The template of many models, and of these unless they are given another."""

_TEXT = (
    "llama wool hum hill grass herd path stone river cloud night star wind rain sun moon valley "
    "lamb shepherd bell gate field barn hay straw ear nose hoof tail back breath song voice word "
    "walk run rest sleep dream wake eat drink look turn follow lead find keep lose give take"
)
WORDS = tuple(_TEXT.split())

BOS, EOS, START, END = 1, 2, 3, 4
FIRST_BYTE = 5
FIRST_WORD = FIRST_BYTE + 256


@dataclass(frozen=True)
class Tiny:
    """What to make."""

    seed: int = 1
    template: str | None = CHATML
    trained_context: int = 4096
    eos: int = EOS
    """The token that ends an answer; its weights make it unlikely unless it is a word's."""
    width: int = 64
    layers: int = 2


def write(path: Path, tiny: Tiny | None = None) -> Path:
    """Write a model of a few hundred kilobytes; the same Tiny gives the same bytes."""
    tiny = tiny or Tiny()
    writer = _header(path, tiny, _texts())
    _weights(writer, tiny)
    _finish(writer)
    return path


def write_adapter(path: Path, tiny: Tiny | None = None, *, rank: int = 2) -> Path:
    """Write a LoRA for a model of this Tiny: it changes every query."""
    tiny = tiny or Tiny()
    random = np.random.default_rng(5)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0 * rank)
    for layer in range(tiny.layers):
        for part, shape in (("a", (rank, tiny.width)), ("b", (tiny.width, rank))):
            values = random.standard_normal(shape).astype(np.float32)
            writer.add_tensor(f"blk.{layer}.attn_q.weight.lora_{part}", values)
    _finish(writer)
    return path


def truncated(path: Path) -> Path:
    """A model whose last half never arrived."""
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def with_wrong_magic(path: Path) -> Path:
    """A file that is no GGUF at all."""
    path.write_bytes(b"<!DOCTYPE html>" + write(path).read_bytes())
    return path


def with_duplicate_tokens(path: Path) -> Path:
    """A model on which llama.cpp aborts the process that loads it."""
    texts = _texts()
    texts[FIRST_WORD + 1] = texts[FIRST_WORD]
    writer = _header(path, Tiny(), texts)
    _weights(writer, Tiny())
    _finish(writer)
    return path


def with_absurd_layers(path: Path) -> Path:
    """A model that claims four thousand million layers."""
    _finish(_header(path, Tiny(layers=(1 << 32) - 1), _texts()))
    return path


def without_byte_tokens(path: Path) -> Path:
    """A model on which llama.cpp aborts at the first letter that is not in its vocabulary."""
    texts = [text if not text.startswith("<0x") else f"\u2581{text}" for text in _texts()]
    writer = _header(path, Tiny(), texts, has_bytes=False)
    _weights(writer, Tiny())
    _finish(writer)
    return path


def without_weights(path: Path) -> Path:
    """A model whose header is right and whose tensors are missing."""
    _finish(_header(path, Tiny(), _texts()))
    return path


def of_unknown_architecture(path: Path) -> Path:
    """A model of a kind that this llama.cpp has never heard of."""
    path.write_bytes(write(path).read_bytes().replace(b"llama", b"alpac"))
    return path


def token_of(word: str) -> int:
    """The token of a word."""
    return FIRST_WORD + WORDS.index(word)


def _texts() -> list[str]:
    special = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    return [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *(f"\u2581{w}" for w in WORDS)]


def _header(path: Path, tiny: Tiny, texts: list[str], *, has_bytes: bool = True) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(tiny.trained_context)
    writer.add_embedding_length(tiny.width)
    writer.add_block_count(tiny.layers)
    writer.add_feed_forward_length(2 * tiny.width)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(tiny.width // 4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(0)
    kinds = gguf.TokenType
    byte = kinds.BYTE if has_bytes else kinds.NORMAL
    types = [kinds.UNKNOWN, *[kinds.CONTROL] * 4, *[byte] * 256, *[kinds.NORMAL] * len(WORDS)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_scores([0.0] * len(texts))
    writer.add_token_types(types)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(tiny.eos)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    if tiny.template is not None:
        writer.add_chat_template(tiny.template)
    return writer


def _weights(writer: gguf.GGUFWriter, tiny: Tiny) -> None:
    random = np.random.default_rng(tiny.seed)
    n, vocabulary = tiny.width, FIRST_WORD + len(WORDS)

    def matrix(rows: int, columns: int, scale: float = 1.0) -> NDArray[np.float32]:
        values = random.standard_normal((rows, columns)) * scale / np.sqrt(columns)
        return np.asarray(values, dtype=np.float32)

    output = matrix(vocabulary, n, scale=3.0)
    output[:FIRST_WORD] = 0.0  # words are likelier than bytes and special tokens
    writer.add_tensor("token_embd.weight", matrix(vocabulary, n, scale=8.0))
    writer.add_tensor("output_norm.weight", np.ones(n, dtype=np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(tiny.layers):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", np.ones(n, dtype=np.float32))
        shapes = {"attn_q": (n, n), "attn_k": (n // 2, n), "attn_v": (n // 2, n)}
        shapes |= {"attn_output": (n, n), "ffn_gate": (2 * n, n), "ffn_up": (2 * n, n)}
        for name, (rows, columns) in (shapes | {"ffn_down": (n, 2 * n)}).items():
            writer.add_tensor(f"{block}{name}.weight", matrix(rows, columns))


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
