"""What a client wants, whichever dialect it speaks. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from herd.chat import Turn
from herd.model import Sampling

Json = Mapping[str, Any]
"""An object as JSON has it."""


@dataclass(frozen=True)
class Tool:
    """A function that the model may ask the client to call."""

    name: str
    description: str
    parameters: Json
    """A JSON schema."""

    @property
    def as_json(self) -> dict[str, Any]:
        """As chat templates expect it: OpenAI's form."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }
        return {"type": "function", "function": function}


@dataclass(frozen=True)
class Ask:
    """One request for an answer."""

    model: str
    """As the client wrote it."""
    turns: tuple[Turn, ...] = ()
    """A conversation; empty where `prompt` is given."""
    prompt: str | None = None
    """A text to go on with, as it is: no template."""
    sampling: Sampling = field(default_factory=Sampling)
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    schema: Json | None = None
    """What the answer must conform to (JSON Schema); `{}` is any JSON object."""
    context: int | None = None
    """Tokens; None leaves it to herd."""
    keep_alive: float | None = None
    """Seconds that the model stays loaded afterwards; None: herd's own rule."""
    thinks: bool | None = None
    """Whether the model is to think first, where its template can be told; None: as it does."""
    likeliest: int | None = None
    """How many likeliest tokens are told beside each; None: no probabilities at all."""


@dataclass(frozen=True)
class Embed:
    """One request for vectors."""

    model: str
    texts: tuple[str, ...]
    keep_alive: float | None = None
