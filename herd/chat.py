"""Conversations: turns, and which of them fit into a context. Pure: nothing is kept or run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from herd.model import Sampling

TITLE_LENGTH = 48
"""Characters of the first question that become the title."""


class Role(StrEnum):
    """Who speaks; the words that chat templates know."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    """What a tool answered to a call of the model."""


@dataclass(frozen=True)
class Call:
    """A model's wish that a tool be called; whoever asked the model decides whether it is."""

    name: str
    arguments: str
    """A JSON object, as text."""
    id: str = ""


@dataclass(frozen=True)
class Stamp:
    """With what an answer can be had again: beside the model and the turns before it."""

    sampling: Sampling
    """As it was applied, the seed included."""
    digest: str | None = None
    """The sha256 of the model's first file."""


@dataclass(frozen=True)
class Turn:
    """One thing that was said."""

    role: Role
    text: str
    model: str | None = None
    """For an answer: the full name of the model that gave it."""
    is_complete: bool = True
    """False for an answer that was stopped, or that a limit or a crash cut off."""
    tokens: int | None = None
    """Tokens of an answer."""
    seconds: float | None = None
    """From the first token of an answer to its last."""
    calls: tuple[Call, ...] = ()
    """For an answer: the tools that the model wants called."""
    tool: str | None = None
    """For what a tool answered: its name, or the id of the call."""
    thought: str = ""
    """What the model thought before it answered; no model is shown it again."""
    stamp: Stamp | None = None
    """How an answer came about; no model is shown it."""
    images: tuple[str, ...] = ()
    """For a question: the images that are shown with it, each a path or a `data:` URI."""

    @property
    def spoken(self) -> Turn:
        """The turn as a model is shown it."""
        return replace(self, thought="", stamp=None)


def now() -> str:
    """This moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Conversation:
    """Turns in order, whichever models gave the answers."""

    turns: tuple[Turn, ...] = ()
    model: str | None = None
    """The full name of the model that answers next."""
    title: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    sampling: Sampling = field(default_factory=Sampling)
    """What the person wants here; it goes before the registry's."""
    is_pinned: bool = False
    """Whether lists show it first."""
    parent: str | None = None
    """The id of the conversation that this one branched off from."""

    @property
    def system(self) -> str:
        """The system prompt, empty if there is none."""
        first = self.turns[0] if self.turns else None
        return first.text if first and first.role is Role.SYSTEM else ""

    @property
    def last_answer(self) -> Turn | None:
        """The last thing that a model said."""
        return next((turn for turn in reversed(self.turns) if turn.role is Role.ASSISTANT), None)

    @property
    def asked(self) -> tuple[Turn, ...]:
        """The turns up to and with the last question; none if nothing was asked."""
        questions = [at for at, turn in enumerate(self.turns) if turn.role is Role.USER]
        return self.turns[: questions[-1] + 1] if questions else ()

    def with_system(self, text: str) -> Conversation:
        """The same conversation under another system prompt; under none if it is empty."""
        spoken = tuple(turn for turn in self.turns if turn.role is not Role.SYSTEM)
        system = (Turn(Role.SYSTEM, text),) if text.strip() else ()
        return replace(self, turns=(*system, *spoken))

    def branch(self, at: int, text: str) -> Conversation:
        """A conversation of its own in which the question at this place reads otherwise.

        What came after it is left behind; this conversation stays as it is.
        """
        fresh = Conversation(
            self.turns[:at], self.model, self.title, sampling=self.sampling, parent=self.id
        )
        return fresh.with_turn(replace(self.turns[at], text=text))

    def with_turn(self, turn: Turn) -> Conversation:
        """This conversation and one more turn; the first question gives it its title."""
        title = self.title
        if not title and turn.role is Role.USER:
            title = shorten(turn.text)
        return replace(self, turns=(*self.turns, turn), title=title, updated_at=now())

    def with_model(self, model: str) -> Conversation:
        """The same turns, answered from now on by another model."""
        return replace(self, model=model)


def shorten(text: str, length: int = TITLE_LENGTH) -> str:
    """The text on one line, cut at `length` characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def begun(turns: Sequence[Turn]) -> Turn | None:
    """The answer at the end that is to go on: one that is not complete; None if there is none."""
    last = turns[-1] if turns else None
    return last if last and last.role is Role.ASSISTANT and not last.is_complete else None


@dataclass(frozen=True)
class Fitted:
    """The turns that fit a context."""

    turns: tuple[Turn, ...]
    left_out: int
    """How many of the oldest turns had to leave."""
    tokens: int
    """Tokens of what stayed, as `count` counts them."""


def fit(turns: Sequence[Turn], count: Callable[[Sequence[Turn]], int], room: int) -> Fitted:
    """Keep the newest turns whose prompt is at most `room` tokens.

    System turns stay; the oldest others leave, a question together with its answers,
    so that what stays begins with a question. The last question always stays, even
    when it alone is too long: whoever asked decides what happens then.

    Args:
        turns: The conversation, oldest first, ending with the question.
        count: Tokens of the prompt that these turns make.
        room: Tokens that the prompt may have.
    """
    system = [turn for turn in turns if turn.role is Role.SYSTEM]
    spoken = [turn for turn in turns if turn.role is not Role.SYSTEM]
    starts = [at for at, turn in enumerate(spoken) if turn.role is Role.USER] or [0]
    low, high = 0, len(starts) - 1
    while low < high:  # the first start from which everything fits; counting is the cost
        middle = (low + high) // 2
        if count([*system, *spoken[starts[middle] :]]) <= room:
            high = middle
        else:
            low = middle + 1
    first = 0 if low == 0 else starts[low]
    kept = [*system, *spoken[first:]]
    return Fitted(tuple(kept), left_out=first, tokens=count(kept))
