"""The first bytes of a GGUF file: whether it is one, and how its weights are quantised."""

from __future__ import annotations

import struct
from pathlib import Path

MAGIC = b"GGUF"

_KEY = b"general.file_type"
_UINT32 = 4
_FILE_TYPE = struct.pack("<Q", len(_KEY)) + _KEY + struct.pack("<I", _UINT32)
"""The key as GGUF v3 writes it; its value follows."""

_BLOCK, _BLOCKS = 1 << 20, 32
"""The largest vocabularies of today make headers of 15 MB."""

_REPACKED = frozenset([2, 10, 14, 15, 25, 38])
"""`general.file_type` of Q4_0, Q2_K, Q4_K_S, Q4_K_M, IQ4_NL and MXFP4: llama.cpp lays these out
anew for a CPU, so that a mapped file would hold the weights in memory twice."""


def is_gguf(path: Path) -> bool:
    """Whether the file begins as a GGUF file does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def is_repacked(path: Path) -> bool:
    """Whether the weights are laid out anew when they are loaded for a CPU."""
    try:
        return _file_type(path) in _REPACKED
    except OSError:
        return False


def _file_type(path: Path) -> int | None:
    """The value of the key, found without reading the vocabulary word for word.

    A file that hides the same bytes in a text is loaded in the other of two ways that work.
    """
    overlap = len(_FILE_TYPE) + 4
    with path.open("rb") as file:
        seen = b""
        for _ in range(_BLOCKS):
            block = file.read(_BLOCK)
            seen = seen[-overlap:] + block
            at = seen.find(_FILE_TYPE)
            value = seen[at + len(_FILE_TYPE) :][:4] if at >= 0 else b""
            if len(value) == 4:
                return int.from_bytes(value, "little")
            if not block:
                break
    return None
