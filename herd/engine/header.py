"""The first bytes of a GGUF file: whether it is one, and how its weights are quantised.

Layout: GGUF v3 (the ggml project's docs/gguf.md). Every length is the file's own claim and is
bounded before it is used.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GGUF"

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING = 4, 8
_MOST_KEYS, _LONGEST_KEY, _LONGEST_TEXT = 4096, 1 << 16, 1 << 24

_REPACKED = frozenset([2, 10, 14, 15, 25, 38])
"""`general.file_type` of Q4_0, Q2_K, Q4_K_S, Q4_K_M, IQ4_NL and MXFP4: llama.cpp lays these out
anew for a CPU, so that a mapped file would hold the weights in memory twice."""


def is_gguf(path: Path) -> bool:
    """Whether the file begins as a GGUF file does."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def is_repacked(path: Path) -> bool:
    """Whether the weights are laid out anew when they are loaded for a CPU."""
    try:
        return _file_type(path) in _REPACKED
    except (OSError, struct.error, _OddError):
        return False


class _OddError(Exception):
    """Something that is not worth reading on for; llama.cpp will say what it is."""


def _file_type(path: Path) -> int | None:
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            return None
        _, _, keys = struct.unpack("<IQQ", file.read(20))
        for _ in range(min(keys, _MOST_KEYS)):
            key = file.read(_length(file, _LONGEST_KEY))
            (kind,) = struct.unpack("<I", file.read(4))
            if key == b"general.file_type" and kind == _UINT32:
                return int.from_bytes(file.read(4), "little")
            _skip(file, kind)
    return None


def _skip(file: BinaryIO, kind: int) -> None:
    """Pass over a value; arrays of strings (the vocabulary) come after what is wanted here."""
    if kind == _STRING:
        file.seek(_length(file, _LONGEST_TEXT), 1)
    elif kind in _SIZES:
        file.seek(_SIZES[kind], 1)
    else:
        raise _OddError


def _length(file: BinaryIO, most: int) -> int:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > most:
        raise _OddError
    return int(length)
