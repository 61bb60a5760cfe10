"""Old llama.cpp files (ggml, ggmf, ggjt) into GGUF. Nothing outside knows these formats.

    if recognise(path):
        legacy = inspect(path, Facts(name="Alpaca 7B"))
        done = convert(path, target, facts, gauge, stop)

`import herd.legacy` and everything but `convert` does without numpy.
"""

from __future__ import annotations

import threading
from pathlib import Path

from herd.progress import Gauge

from .facts import UNDER_WAY, VERSION, Band, Converted, Facts, Legacy, Strip, Tensor
from .header import Header
from .inspection import Source, inspect
from .kind import Kind, recognise, unreadable
from .prompts import PROMPTS, Prompt, guessed, named

__all__ = [
    "PROMPTS",
    "UNDER_WAY",
    "VERSION",
    "Band",
    "Converted",
    "Facts",
    "Header",
    "Kind",
    "Legacy",
    "Prompt",
    "Strip",
    "Tensor",
    "convert",
    "guessed",
    "inspect",
    "named",
    "recognise",
    "unreadable",
]


def convert(
    source: Source, target: Path, facts: Facts, gauge: Gauge, stop: threading.Event
) -> Converted:
    """Convert an old model into GGUF: see `herd.legacy.conversion.convert`."""
    from .conversion import convert as really_convert  # numpy: 60 ms

    return really_convert(source, target, facts, gauge, stop)
