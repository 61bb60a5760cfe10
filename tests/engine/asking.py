"""What tests say to an engine, and what they make of its answers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from herd.chat import Role, Turn
from herd.engine import Began, Engine, Finished, Loadable, Text
from herd.model import Sampling

GREEDY = Sampling(temperature=0.0, max_tokens=24)
LONG = Sampling(temperature=0.0)
"""As long as the context allows: some thousand words from a tiny model."""


@dataclass(frozen=True)
class Said:
    """A whole answer."""

    text: str
    pieces: int
    began: Began
    finished: Finished


def user(text: str) -> Turn:
    return Turn(Role.USER, text)


def model_said(text: str) -> Turn:
    return Turn(Role.ASSISTANT, text)


def said(
    engine: Engine,
    model: Loadable,
    turns: str | Sequence[Turn] = "hum?",
    sampling: Sampling = GREEDY,
) -> Said:
    if isinstance(turns, str):
        turns = [user(turns)]
    pieces = list(engine.answer(model, turns, sampling, threading.Event()))
    began, *texts, finished = pieces
    assert isinstance(began, Began)
    assert isinstance(finished, Finished)
    assert all(isinstance(each, Text) for each in texts)
    text = "".join(each.text for each in texts if isinstance(each, Text))
    return Said(text, len(texts), began, finished)
