"""The head of a GGUF file (GGUF v3): keys, vocabulary and the places of all tensors.

Written here and not with the gguf package: that one brings tqdm, PyYAML and requests along,
wants the tensors as arrays, and its keys and their order change with its releases, while a
conversion here gives the same bytes for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from .facts import Facts, Tensor
from .header import Header
from .tokens import Tokens

ALIGNMENT = 32
_MAGIC, _VERSION = b"GGUF", 3
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9

_FTYPE_NOW = {4: 3, 5: 7, 6: 7}
"""`general.file_type` of those that GGUF has no number for: Q4_1 with F16, Q4_2 and Q4_3."""

Key = tuple[str, int, tuple[bytes | bytearray, ...]]
"""A name, the type of the value, and the value in chunks."""


class Gguf:
    """The head of one file, and where each tensor's bytes go."""

    def __init__(
        self,
        header: Header,
        feed_forward: int,
        heads_kv: int,
        tensors: Sequence[Tensor],
        tokens: Tokens,
        facts: Facts,
    ) -> None:
        keys = [
            *_general(header, facts),
            *_architecture(header, feed_forward, heads_kv, tokens, facts),
            *_tokenizer(tokens, facts),
        ]
        chunks: list[bytes | bytearray] = [
            _MAGIC + struct.pack("<IQQ", _VERSION, len(tensors), len(keys))
        ]
        for name, kind, value in keys:
            chunks += [_text(name) + struct.pack("<I", kind), *value]
        chunks.append(b"".join(_places(tensors)))
        length = sum(map(len, chunks))
        self.chunks = [*chunks, bytes(padding(length))]
        """The head itself, to be written in this order."""
        self.size = length + padding(length) + sum(t.size + padding(t.size) for t in tensors)
        """Bytes of the whole file."""


def padding(size: int) -> int:
    """Zero bytes that follow `size` bytes, so that the next thing is aligned."""
    return -size % ALIGNMENT


def _general(header: Header, facts: Facts) -> Iterator[Key]:
    description = facts.description or f"Converted by herd from {header.container}."
    yield _string("general.architecture", "llama")
    yield _string("general.name", facts.name)
    yield _string("general.description", description)
    yield _number("general.file_type", _FTYPE_NOW.get(header.ftype, header.ftype))
    yield _number("general.quantization_version", 2)


def _architecture(
    header: Header, feed_forward: int, heads_kv: int, tokens: Tokens, facts: Facts
) -> Iterator[Key]:
    yield _number("llama.context_length", facts.context)
    yield _number("llama.embedding_length", header.embedding)
    yield _number("llama.block_count", header.layers)
    yield _number("llama.feed_forward_length", feed_forward)
    yield _number("llama.attention.head_count", header.heads)
    yield _number("llama.attention.head_count_kv", heads_kv)
    yield _float("llama.attention.layer_norm_rms_epsilon", facts.epsilon_for(header))
    yield _number("llama.rope.dimension_count", header.head_width)
    yield _float("llama.rope.freq_base", facts.rope_base)
    yield _number("llama.vocab_size", len(tokens.texts))


def _tokenizer(tokens: Tokens, facts: Facts) -> Iterator[Key]:
    count = len(tokens.texts)
    yield _string("tokenizer.ggml.model", "llama")
    yield _string("tokenizer.ggml.pre", "default")
    yield _array("tokenizer.ggml.tokens", _STRING, count, _strings(tokens.texts))
    scores = struct.pack(f"<{count}f", *tokens.scores)
    yield _array("tokenizer.ggml.scores", _FLOAT32, count, scores)
    types = struct.pack(f"<{count}i", *tokens.types)
    yield _array("tokenizer.ggml.token_type", _INT32, count, types)
    for number, name in enumerate(("unknown", "bos", "eos")):
        yield _number(f"tokenizer.ggml.{name}_token_id", number)
    yield _truth("tokenizer.ggml.add_bos_token", holds=True)
    yield _truth("tokenizer.ggml.add_eos_token", holds=False)
    yield _truth("tokenizer.ggml.add_space_prefix", holds=True)
    if facts.template is not None:
        yield _string("tokenizer.chat_template", facts.template)


def _places(tensors: Iterable[Tensor]) -> Iterator[bytes]:
    offset = 0
    for tensor in tensors:
        sides = len(tensor.ne)
        yield _text(tensor.name)
        yield struct.pack(f"<I{sides}QIQ", sides, *tensor.ne, tensor.target, offset)
        offset += tensor.size + padding(tensor.size)


def _strings(texts: Iterable[bytes]) -> bytearray:
    joined = bytearray()
    for text in texts:
        joined += struct.pack("<Q", len(text))
        joined += text
    return joined


def _text(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<Q", len(content)) + content


def _string(key: str, value: str) -> Key:
    return key, _STRING, (_text(value),)


def _number(key: str, value: int) -> Key:
    return key, _UINT32, (struct.pack("<I", value),)


def _float(key: str, value: float) -> Key:
    return key, _FLOAT32, (struct.pack("<f", value),)


def _truth(key: str, *, holds: bool) -> Key:
    return key, _BOOL, (struct.pack("<?", holds),)


def _array(key: str, kind: int, count: int, content: bytes | bytearray) -> Key:
    return key, _ARRAY, (struct.pack("<IQ", kind, count), content)
