"""Converting in a test: what every test would otherwise say again."""

from __future__ import annotations

import threading
from pathlib import Path

from herd.legacy import Converted, Facts, convert
from herd.legacy.inspection import Source
from herd.progress import Gauge

from .given import EPSILON

FACTS = Facts(name="a test", epsilon=EPSILON)


def converted(source: Source, folder: Path, facts: Facts = FACTS) -> Converted:
    return convert(source, folder / "out.gguf", facts, Gauge(), threading.Event())
