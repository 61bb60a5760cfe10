"""An install that somebody asked for: a value and the handles by which it is followed and ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from herd.model import Choice
from herd.progress import Gauge
from herd.transfer import Budget


@dataclass(frozen=True)
class Order:
    """An install that somebody asked for."""

    choice: Choice
    is_licence_accepted: bool = False
    keeps_original: bool = False
    """Whether a ggml file stays in the store beside the GGUF that is made of it."""
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)
    budget: Budget = field(default_factory=Budget)
    """How fast its bytes may come."""
