"""The engine: one owner of a loaded model, which lives in a process of its own.

Importing this loads nothing heavy; llama.cpp is loaded in the child process alone.
"""

from herd.engine.engine import Engine
from herd.engine.protocol import Settings
from herd.engine.residents import Phase, State
from herd.engine.values import (
    Adapter,
    Began,
    Extras,
    Finished,
    Loadable,
    Odds,
    Piece,
    Ready,
    Text,
    Thinking,
    Vector,
)

__all__ = [
    "Adapter",
    "Began",
    "Engine",
    "Extras",
    "Finished",
    "Loadable",
    "Odds",
    "Phase",
    "Piece",
    "Ready",
    "Settings",
    "State",
    "Text",
    "Thinking",
    "Vector",
]
