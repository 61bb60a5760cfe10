"""A small model that needs no download: it proves that a device computes, and says nothing.

A llama of four layers whose weights are noise, in GGUF v3; the same bytes every time.
"""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

WIDTH, INNER, LAYERS, HEADS, VOCABULARY = 256, 1024, 4, 8, 512
_ALIGNMENT = 32
_UINT32, _FLOAT32, _STRING, _ARRAY, _INT32 = 4, 6, 8, 9, 5
_NORMAL, _CONTROL, _BYTE = 1, 3, 6


def write(path: Path) -> Path:
    """Write it: some 20 MB."""
    keys, tensors = list(_keys()), list(_tensors())
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)))
        file.writelines(keys)
        offset = 0
        for name, shape in tensors:
            sides = len(shape)
            file.write(_text(name) + struct.pack(f"<I{sides}QIQ", sides, *shape, 0, offset))
            offset += -(-4 * _count(shape) // _ALIGNMENT) * _ALIGNMENT
        file.write(bytes(-file.tell() % _ALIGNMENT))
        noise = random.Random(1)  # noqa: S311  # noise, not a secret
        block = array("f", (noise.gauss(0, 0.05) for _ in range(WIDTH * 64))).tobytes()
        ones = array("f", [1.0] * WIDTH).tobytes()
        for _, shape in tensors:
            size = 4 * _count(shape)
            content = ones if len(shape) == 1 else block * (size // len(block))
            file.write(content + bytes(-size % _ALIGNMENT))
    return path


def _keys() -> Iterator[bytes]:
    yield _key("general.architecture", _STRING, _text("llama"))
    yield _key("general.name", _STRING, _text("herd's trial"))
    for name, number in (
        ("context_length", 4096),
        ("embedding_length", WIDTH),
        ("block_count", LAYERS),
        ("feed_forward_length", INNER),
        ("attention.head_count", HEADS),
        ("attention.head_count_kv", HEADS),
        ("rope.dimension_count", WIDTH // HEADS),
    ):
        yield _key(f"llama.{name}", _UINT32, struct.pack("<I", number))
    yield _key("llama.attention.layer_norm_rms_epsilon", _FLOAT32, struct.pack("<f", 1e-5))
    # The weights repeat, and of equal tokens the first is drawn: the last one is never said.
    texts = ["<unk>", "<s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    texts += [*(f"\u2581w{at}" for at in range(VOCABULARY - len(texts) - 1)), "</s>"]
    types = [_CONTROL] * 2 + [_BYTE] * 256 + [_NORMAL] * (VOCABULARY - 259) + [_CONTROL]
    yield _key("tokenizer.ggml.model", _STRING, _text("llama"))
    yield _list("tokenizer.ggml.tokens", _STRING, b"".join(map(_text, texts)))
    yield _list("tokenizer.ggml.scores", _FLOAT32, struct.pack(f"<{VOCABULARY}f", *[0.0] * 512))
    yield _list("tokenizer.ggml.token_type", _INT32, struct.pack(f"<{VOCABULARY}i", *types))
    for name, at in (("unknown", 0), ("bos", 1), ("eos", VOCABULARY - 1)):
        yield _key(f"tokenizer.ggml.{name}_token_id", _UINT32, struct.pack("<I", at))


def _tensors() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "token_embd.weight", (WIDTH, VOCABULARY)
    yield "output_norm.weight", (WIDTH,)
    yield "output.weight", (WIDTH, VOCABULARY)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", (WIDTH,)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", (WIDTH, WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{layer}.{name}.weight", (WIDTH, INNER)
        yield f"blk.{layer}.ffn_down.weight", (INNER, WIDTH)


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def _text(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def _key(name: str, kind: int, value: bytes) -> bytes:
    return _text(name) + struct.pack("<I", kind) + value


def _list(name: str, kind: int, content: bytes) -> bytes:
    return _key(name, _ARRAY, struct.pack("<IQ", kind, VOCABULARY) + content)
