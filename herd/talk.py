"""An answer that is given in a thread of its own and kept while it comes.

Whoever shows it reads it on a clock, like a gauge. What has come is saved about once a
second, so that a kill of the whole program loses a second of it and no more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from herd.answer import Answer
from herd.chat import Conversation
from herd.errors import HerdError

log = logging.getLogger(__name__)

KEPT_EVERY = 1.0
"""Seconds between two times that a growing answer is saved."""


class Keeper(Protocol):
    """Where conversations are kept."""

    def save(self, conversation: Conversation) -> None:
        """Keep the conversation as it is now."""
        ...


class Nowhere:
    """Keeps nothing."""

    def save(self, conversation: Conversation) -> None:
        """Do nothing."""


class Phase(StrEnum):
    """What an answer is doing."""

    LOADING = "loading"
    """The model is being loaded."""
    READING = "reading"
    """The model reads the conversation."""
    WRITING = "writing"
    OVER = "over"


class Talk:
    """One question and the answer to it, under way or over."""

    def __init__(
        self,
        answer: Answer,
        conversation: Conversation,
        keeper: Keeper,
        *,
        is_loaded: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            answer: The answer, not yet iterated.
            conversation: It ends with the question, or with the answer that is to go on.
            keeper: Gets the conversation with what was said so far.
            is_loaded: Whether the model is loaded by now, for showing.
            clock: Seconds.
        """
        self.answer = answer
        self.question = conversation
        """The conversation up to the question."""
        if answer.goes_on:
            self.question = replace(conversation, turns=conversation.turns[:-1])
        self.error: HerdError | None = None
        """Why it ended before its end, or why it could not be kept."""
        self._keeper = keeper
        self._is_loaded = is_loaded
        self._clock = clock
        self._ended = threading.Event()
        self._kept_at = clock()

    def start(self) -> None:
        """Begin in a thread."""
        name = f"answer {self.question.id[:8]}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Whether it ended, well or not."""
        return self._ended.is_set()

    @property
    def phase(self) -> Phase:
        """What it is doing."""
        if self.is_over:
            return Phase.OVER
        if self.answer.is_speaking:
            return Phase.WRITING
        return Phase.READING if self.answer.began or self._is_loaded() else Phase.LOADING

    @property
    def conversation(self) -> Conversation:
        """The conversation with what was said so far; an empty answer is no turn."""
        turn = self.answer.turn
        return self.question.with_turn(turn) if turn.text else self.question

    def stop(self) -> None:
        """Ask it to end; what was said stays."""
        self.answer.stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds; False if it still runs."""
        return self._ended.wait(timeout)

    def _run(self) -> None:
        try:
            for _ in self.answer:
                self._keep_now_and_then()
        except HerdError as error:
            self.error = error
        except Exception as error:  # the top of a thread: nobody above would see it
            log.exception("an answer")
            self.error = HerdError(f"The answer broke off: {error}.", "herd.log has the details.")
        finally:
            self._keep()
            self._ended.set()

    def _keep_now_and_then(self) -> None:
        if self._clock() - self._kept_at >= KEPT_EVERY:
            self._keep()

    def _keep(self) -> None:
        """Save; trouble with that ends no answer, and is told with the first error."""
        self._kept_at = self._clock()
        try:
            self._keeper.save(self.conversation)
        except HerdError as error:
            self.error = self.error or error
