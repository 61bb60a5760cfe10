"""Files that the libraries of 2023 wrote themselves, and what they said about them.

They lie in one archive, tests/data/legacy.tar.xz, which is unpacked once in each process:
NAME.bin, what its GGUF must hold (NAME.gguf-tensors.json), prompts, tokens and 32 greedy tokens of
the old library (NAME.expected.json), and its last logits (NAME.logits.npy).
"""

from __future__ import annotations

import atexit
import json
import tarfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT / "tests" / "data" / "legacy.tar.xz"

NAMES = [
    *(f"ggml0-{kind}" for kind in ("f16", "q4_0", "q4_0-full32000", "q4_0-planar", "q4_1")),
    "ggml0-q4_1-planar",
    *(f"ggmf1-{kind}" for kind in ("q4_0", "q4_0-2part", "q4_1")),
    *(f"ggjt1-{kind}" for kind in ("q4_0", "q4_0-fullrange", "q4_1", "q4_1-somef16", "q4_2")),
    *(f"ggjt1-{kind}" for kind in ("q4_3", "q5_0", "q5_1", "q8_0")),
    *(f"ggjt2-{kind}" for kind in ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0")),
    *(f"ggjt3-{kind}" for kind in ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0")),
    *(f"ggjt3-{kind}" for kind in ("q2_K", "q3_K_M", "q4_K_M", "q5_K_M", "q6_K")),
]
assert len(NAMES) == 33

EPSILON = 1e-6
"""What the old libraries had, for every file here."""

SMALL = ["ggml0-q4_0", "ggml0-q4_1-planar", "ggmf1-q4_0-2part", "ggjt1-q4_2", "ggjt3-q2_K"]
"""Those that differ most from each other."""


@cache
def folder() -> Path:
    """Where the archive is unpacked; it goes with the process."""
    unpacked = TemporaryDirectory(prefix="herd-legacy-")
    atexit.register(unpacked.cleanup)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(unpacked.name, filter="data")
    return Path(unpacked.name)


def given(name: str, suffix: str = ".bin") -> Path:
    """The path of a given file."""
    return folder() / f"{name}{suffix}"


@cache
def said(name: str, suffix: str) -> Any:  # JSON
    """What is written beside a given file."""
    return json.loads(given(name, suffix).read_text())
