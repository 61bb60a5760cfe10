"""What a model thinks before it answers, told apart from the answer. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from herd.engine.values import Text, Thinking


@dataclass(frozen=True)
class Marks:
    """Between which texts a kind of model thinks."""

    begin: str
    end: str
    after: str = ""
    """What may follow the end and belongs to neither."""


MARKS = (
    Marks("<think>", "</think>"),
    Marks("<thinking>", "</thinking>"),
    Marks("<thought>", "</thought>"),
    Marks("<reasoning>", "</reasoning>"),
    Marks("<seed:think>", "</seed:think>"),
    Marks("[THINK]", "[/THINK]"),
    Marks("<|START_THINKING|>", "<|END_THINKING|>"),
    Marks(
        "<|channel|>analysis<|message|>",
        "<|end|>",
        "<|start|>assistant<|channel|>final<|message|>",
    ),
    Marks("<|channel>thought\n", "<channel|>"),
)

SPOKEN = (
    "<think>",
    "</think>",
    "[THINK]",
    "[/THINK]",
    "<|START_THINKING|>",
    "<|END_THINKING|>",
    "<|channel|>",
    "<|message|>",
    "<|start|>",
    "<|end|>",
    "<|channel>",
    "<channel|>",
)
"""Tokens that models have for this alone: they are no text, and are heard all the same."""

_FINAL = "<|channel|>final<|message|>"
"""How a model of the last but one kind answers without having thought."""


def begun_by(prompt: str) -> Marks | None:
    """The marks between which a prompt leaves the model: some templates begin the thinking."""
    text = prompt.rstrip()
    return next((marks for marks in MARKS if text.endswith(marks.begin.rstrip())), None)


class Thoughts:
    """The words of an answer as they come, and which of them are thoughts.

    A model thinks at the beginning of an answer; later the same marks are what it talks
    about. What may yet become a mark is held back until it is known.
    """

    def __init__(self, begun: Marks | None = None, *, is_answering: bool = False) -> None:
        self._inside = begun
        self._after = ""
        self._held = ""
        self._is_answering = is_answering
        self._is_new = begun is not None
        """Whether nothing but space came since a mark."""
        self._has_thought = begun is not None

    def feed(self, text: str) -> Iterator[Text | Thinking]:
        """What is certain now."""
        if self._is_answering:
            if text:
                yield Text(text)
            return
        self._held += text
        yield from self._sorted(is_end=False)

    def end(self) -> Iterator[Text | Thinking]:
        """What was held back."""
        yield from self._sorted(is_end=True)

    def _sorted(self, *, is_end: bool) -> Iterator[Text | Thinking]:
        while self._held:
            before = self._held
            yield from self._thought(is_end=is_end) if self._inside else self._sought(is_end=is_end)
            if self._is_answering or self._held == before:
                return

    def _thought(self, *, is_end: bool) -> Iterator[Thinking]:
        marks = self._inside
        assert marks is not None  # noqa: S101  # looked at just now
        at = self._held.find(marks.end)
        if at >= 0:
            ready, self._held = self._held[:at], self._held[at + len(marks.end) :]
            self._inside, self._after = None, marks.after
        else:
            keep = 0 if is_end else _overlap(self._held, marks.end)
            cut = len(self._held) - keep
            ready, self._held = self._held[:cut], self._held[cut:]
        if self._is_new:
            ready = ready.lstrip()
        if at >= 0:
            ready = ready.rstrip()
        if ready:
            self._is_new = False
            yield Thinking(ready)

    def _sought(self, *, is_end: bool) -> Iterator[Text]:
        """Look for a mark at the beginning of what is held."""
        text = self._held.lstrip()
        for marks in MARKS:
            if text.startswith(marks.begin):
                self._held, self._inside = text[len(marks.begin) :], marks
                self._is_new = self._has_thought = True
                return
        for done in filter(None, (self._after, _FINAL)):
            if text.startswith(done):
                self._held, self._after, self._has_thought = text[len(done) :], "", True
                return
        begins = (*(marks.begin for marks in MARKS), self._after, _FINAL)
        if not is_end and any(each.startswith(text) for each in begins):
            return
        self._is_answering = True
        ready, self._held = (text if self._has_thought else self._held), ""
        if ready:
            yield Text(ready)


def _overlap(text: str, mark: str) -> int:
    """Characters at the end of the text with which the mark begins."""
    longest = min(len(text), len(mark) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(mark[:n])), 0)
