"""What became of an ask, whichever dialect it is told in. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from herd.chat import Call


@dataclass(frozen=True)
class Likely:
    """A token that was said, and how likely it was."""

    text: str
    logprob: float
    """Natural logarithm of its probability."""
    likeliest: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens at its place, with theirs."""

    @property
    def as_json(self) -> dict[str, Any]:
        """As OpenAI tells it."""
        likeliest = [_told(text, logprob) for text, logprob in self.likeliest]
        return _told(self.text, self.logprob) | {"top_logprobs": likeliest}


@dataclass(frozen=True)
class Part:
    """The next words of an answer."""

    text: str
    is_thinking: bool = False
    """Whether they belong to what the model thinks before it answers."""
    likely: tuple[Likely, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """An answer that is over."""

    parts: tuple[Part, ...]
    reason: str
    """As `herd.engine.values.Reason`."""
    calls: tuple[Call, ...] = ()
    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Tokens of the prompt that the model had read before."""
    tokens: int = 0
    """Tokens of the answer."""
    load_seconds: float = 0.0
    prompt_seconds: float = 0.0
    """From the question to the first token."""
    seconds: float = 0.0
    """From the first token to the last."""

    @property
    def text(self) -> str:
        """The answer alone."""
        return _joined(self.parts, is_thinking=False)

    @property
    def thinking(self) -> str:
        """What the model thought before."""
        return _joined(self.parts, is_thinking=True)


def _joined(parts: Sequence[Part], *, is_thinking: bool) -> str:
    return "".join(part.text for part in parts if part.is_thinking is is_thinking)


def _told(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
