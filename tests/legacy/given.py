"""Files that the libraries of 2023 wrote themselves, and what they said about them.

A few lie in tests/data/legacy; all of them are looked for in shared/legacy-ggml beside the
checkout, and what is not there is skipped.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "data" / "legacy"
SHARED = ROOT.parent / "shared" / "legacy-ggml"

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
"""Kept ones that differ most from each other."""


def is_there(name: str) -> bool:
    return any((folder / f"{name}.bin").exists() for folder in (KEPT, SHARED))


def given(name: str, suffix: str = ".bin") -> Path:
    """The path of a given file; the test is skipped where it is not."""
    for folder in (KEPT, SHARED):
        if (folder / f"{name}{suffix}").exists():
            return folder / f"{name}{suffix}"
    pytest.skip(f"{name}{suffix} is not in {KEPT.name} and there is no shared/legacy-ggml")


@cache
def said(name: str, suffix: str) -> Any:  # JSON
    """What is written beside a given file."""
    return json.loads(given(name, suffix).read_text())
