"""Other models under the same magics: which one it is, for the message that refuses it.

The names of tensors tell; the first 16 MB hold some. Where a file is cut before its first
tensor, the numbers after the magic are taken for a hint.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from .kind import MAGICS, Kind

_LOOK_AT = 16 << 20

_LLAMA = re.compile(rb"tok_embeddings\.weight|layers\.\d+\.(attention|feed_forward)\.w[1-3qkvo]\.")

_NAMES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("a BLOOM", re.compile(rb"layers\.\d+\.attention\.query_key_value")),
    ("a Falcon", re.compile(rb"transformer\.word_embeddings|transformer\.h\.\d+\.self_attention")),
    ("a GPT-J", re.compile(rb"transformer\.h\.\d+\.(ln_1|attn|mlp)\b")),
    ("a GPT-NeoX", re.compile(rb"gpt_neox\.(layers|embed_in|final_layer_norm)")),
    ("a Replit", re.compile(rb"transformer\.blocks\.\d+\.ln_1\b")),
    ("an MPT", re.compile(rb"transformer\.blocks\.\d+\.")),
    ("a GPT-2 or StarCoder", re.compile(rb"model/(h\d+|wte|wpe|ln_f|lm_head)\b")),
    ("an RWKV", re.compile(rb"blocks\.\d+\.(att|ffn|ln0)\.|\bemb\.weight")),
    ("a Whisper", re.compile(rb"(encoder|decoder)\.(conv1|blocks|positional_embedding|token_emb)")),
    ("a BERT", re.compile(rb"embeddings\.(word|position)_embeddings|encoder\.layer\.\d+\.")),
)

_RWKV_VERSIONS = (100, 101)
_WHISPER_AUDIO, _WHISPER_TEXT = 1500, 448
_FALCON_KINDS = (7, 40)


def family_of(path: Path) -> str | None:
    """The family with its article, `a Falcon`; None if it is a LLaMA or nobody can tell."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOK_AT)
    except OSError:
        return None
    for family, names in _NAMES[:1]:
        if names.search(start):
            return family
    if _LLAMA.search(start):
        return None
    named = (family for family, names in _NAMES if names.search(start))
    return next(named, None) or _by_numbers(start)


def _by_numbers(start: bytes) -> str | None:
    """A family whose header has a mark of its own."""
    kind = MAGICS.get(start[:4])
    if kind is None or not kind.is_model or len(start) < 40:
        return None
    numbers = struct.unpack("<9I", start[4:40])
    if kind is Kind.GGMF and numbers[0] in _RWKV_VERSIONS:
        return "an RWKV"
    if kind is Kind.GGML:
        return _by_ggml_numbers(numbers)
    return "a Falcon" if _is_falcon(numbers[1:]) else None


def _by_ggml_numbers(numbers: tuple[int, ...]) -> str | None:
    tokens, second, *_ = numbers
    if second == _WHISPER_AUDIO and numbers[5] == _WHISPER_TEXT:
        return "a Whisper"
    if tokens == numbers[7]:
        return "a GPT-J"
    if tokens == numbers[6]:
        return "a GPT-2 or StarCoder"
    (alibi,) = struct.unpack("<f", struct.pack("<I", numbers[5]))
    if 1 <= alibi <= 64 and tokens < numbers[4]:
        return "an MPT"
    if numbers[6] in (0, 1) and numbers[7] <= 3 and tokens > second:
        return "a GPT-NeoX"
    return None


def _is_falcon(numbers: tuple[int, ...]) -> bool:
    """ggllm.cpp: tokens, embedding, heads, heads of keys, layers, 40 or 7 (billions), ftype."""
    _, embedding, heads, heads_kv, layers, billions, _ = numbers[:7]
    return (
        billions in _FALCON_KINDS
        and 0 < heads_kv <= heads <= embedding
        and 0 < layers <= 512
        and embedding % heads == 0
    )
