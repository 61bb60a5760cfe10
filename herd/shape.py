"""The shape of a model: what its GGUF header says of the memory that it will take. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from herd.gguf_header import Array, Header

_WINDOWED = {
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "cohere2": 4,
    "exaone4": 4,
    "olmo3": 4,
    "smallthinker": 4,
    "llama4": 4,
}
"""Architectures in which every n-th layer looks at everything and the others at a window."""

_REPACKED = frozenset(["Q4_0", "Q2_K", "Q4_K_S", "Q4_K_M", "IQ4_NL", "MXFP4"])
"""llama.cpp lays these out anew for a CPU, so that a mapped file would hold the weights twice."""


@dataclass(frozen=True)
class Layer:
    """What one layer keeps of each token."""

    key: int
    """Numbers."""
    value: int
    window: int | None = None
    """Tokens that it looks back on; None: all of them."""


@dataclass(frozen=True)
class Shape:
    """A model, as far as memory is concerned."""

    weights: int
    """Bytes of the file."""
    layers: tuple[Layer, ...]
    state: int = 0
    """Bytes that it keeps of a conversation however long that is (recurrent layers)."""
    width: int = 0
    """Numbers of a token between two layers."""
    inner: int = 0
    """Numbers of a token within a layer."""
    heads: int = 0
    vocabulary: int = 0
    """Tokens that it knows."""
    trained: int | None = None
    """Tokens of context that it was trained on."""
    around: int = 0
    """Bytes of the weights that belong to no layer: embeddings and output."""
    is_repacked: bool = False
    """Whether a CPU gets its weights in another layout."""
    projector: int = 0
    """Bytes of what it sees images with, and of what that computes with."""

    @property
    def per_layer(self) -> int:
        """Bytes of the weights of one layer, on average."""
        return (self.weights - self.around) // max(1, len(self.layers))


def shape(header: Header, size: int, *, is_repacked: bool | None = None) -> Shape:
    """The shape of the model of this header.

    Args:
        header: Whole, or as much as stands before the vocabulary.
        size: Bytes of the file, or of all its parts.
        is_repacked: Where the header does not say it: whether a CPU lays the weights out anew.
    """
    count = min(header.layers or 0, 4096)
    width = header.whole("{arch}.embedding_length") or 0
    vocabulary = _vocabulary(header)
    known = header.quantisation in _REPACKED if is_repacked is None else is_repacked
    return Shape(
        weights=size,
        layers=_layers(header, count, width),
        state=_state(header, count),
        width=width,
        inner=_inner(header),
        heads=max(header.wholes("{arch}.attention.head_count"), default=0),
        vocabulary=vocabulary,
        trained=header.context,
        around=_around(header, size, vocabulary, width),
        is_repacked=known,
    )


def projector(header: Header, size: int) -> int:
    """Bytes that a vision encoder takes: its weights, and what it computes with.

    Args:
        header: Of its file (mmproj).
        size: Bytes of the file.
    """
    patch = header.whole("clip.vision.patch_size") or 14
    side = header.whole("clip.vision.image_size") or 0
    patches = min((side // max(1, patch)) ** 2, 1 << 16)
    width = header.whole("clip.vision.embedding_length") or 0
    inner = header.whole("clip.vision.feed_forward_length") or 0
    return size + 4 * (patches * (2 * inner + 6 * width) + 3 * side * side)


def _layers(header: Header, count: int, width: int) -> tuple[Layer, ...]:
    heads = _each(header.wholes("{arch}.attention.head_count"), count)
    groups = header.wholes("{arch}.attention.head_count_kv")
    kv_heads = _each(groups, count) if groups else heads
    most = max(heads, default=0)
    usual = width // most if most else 0
    key = header.whole("{arch}.attention.key_length") or usual
    value = header.whole("{arch}.attention.value_length") or usual
    windows = _windows(header, count)
    return tuple(
        Layer(heads_here * key, heads_here * value, window)
        for heads_here, window in zip(kv_heads, windows, strict=True)
    )


def _windows(header: Header, count: int) -> list[int | None]:
    window = header.whole("{arch}.attention.sliding_window")
    if not window:
        return [None] * count
    said = header.values.get(f"{header.architecture}.attention.sliding_window_pattern")
    if isinstance(said, Array) and said.numbers and len(said.numbers) == count:
        return [window if is_windowed else None for is_windowed in said.numbers]
    step = said if isinstance(said, int) else _WINDOWED.get(header.architecture or "", 1)
    if step < 2:
        return [None] * count
    return [None if (at + 1) % step == 0 else window for at in range(count)]


def _state(header: Header, count: int) -> int:
    """Bytes of the state of recurrent layers (Mamba and its like)."""
    inner = header.whole("{arch}.ssm.inner_size") or 0
    states = header.whole("{arch}.ssm.state_size") or 0
    kernel = header.whole("{arch}.ssm.conv_kernel") or 0
    groups = header.whole("{arch}.ssm.group_count") or 0
    if not inner:
        return 0
    rolled = max(0, kernel - 1) * (inner + 2 * groups * states)
    return 4 * count * (rolled + states * inner)


def _inner(header: Header) -> int:
    dense = max(header.wholes("{arch}.feed_forward_length"), default=0)
    expert = header.whole("{arch}.expert_feed_forward_length") or 0
    return max(dense, expert * (header.whole("{arch}.expert_used_count") or 0))


def _vocabulary(header: Header) -> int:
    tokens = header.values.get("tokenizer.ggml.tokens")
    if isinstance(tokens, Array):
        return tokens.count
    return header.whole("{arch}.vocab_size") or 0


def _around(header: Header, size: int, vocabulary: int, width: int) -> int:
    """Bytes outside of the layers; without tensors, as if they were one large table of 8 bits."""
    if header.tensors:
        outside = [each.size or 0 for each in header.tensors if not each.name.startswith("blk.")]
        return min(size, sum(outside))
    return min(size // 2, vocabulary * width * 34 // 32)


def _each(numbers: tuple[int, ...], count: int) -> list[int]:
    """One number for each layer; one alone is for all of them."""
    if len(numbers) == count:
        return list(numbers)
    return [max(numbers, default=0)] * count
