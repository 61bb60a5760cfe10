"""One answer, in the child: turns to a prompt, the prompt to tokens, tokens to text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from herd.chat import Role, Turn, begun, fit
from herd.engine.loops import LOOK_EVERY, is_looping
from herd.engine.protocol import Ask, Reply, Sign
from herd.engine.stop_flag import StopFlag
from herd.engine.stream import TextStream
from herd.engine.talker import Talker
from herd.engine.thinking import Thoughts
from herd.engine.values import Began, Finished, Reason
from herd.errors import Unanswerable

KEPT_FREE = 1024
"""Tokens for the answer; at most a quarter of the context."""

LEAST_ROOM = 16
"""Tokens that must be free for an answer to be worth beginning."""

GATHERED = 0.02
"""Seconds for which words are gathered: each line to the parent takes time from a core that
computes, and a screen is drawn no faster. The first words go at once."""

_LONGEST_TOKEN = 512
"""Characters; a text that is too long even so is not counted."""


class Answering:
    """The way from a question to the end of its answer."""

    def __init__(self, talker: Talker, ask: Ask, stop: StopFlag) -> None:
        self._talker = talker
        self._llama = talker.llama
        self._ask = ask
        self._stop = stop
        self._asked = time.monotonic()
        self._first = self._last = self._asked
        self._tokens = 0
        self._said: list[int] = []
        self._goes_on = ask.extras.prompt is not None or begun(ask.turns) is not None
        """Whether there is a text already, which the model goes on with."""

    def pieces(self) -> Iterator[Reply]:
        """Everything there is to say, `Finished` last.

        Raises:
            Unanswerable: the question is too long, or the template refuses the conversation.
        """
        prompt, left_out = fitted(self._talker, self._ask)
        if self._ask.sampling.seed is None:
            reused = self._llama.shares(prompt)
        else:  # the same text comes only from the same computation
            self._llama.forget()
            reused = 0
        cells = self._llama.cells
        yield Began(cells(prompt), cells(prompt[:reused]), left_out)
        fresh = prompt[reused:]
        for done in self._llama.read(fresh):
            yield Sign(done / len(fresh))
        if self._stop.is_set:
            yield self._finished("stopped")
        else:
            yield from self._written(prompt)

    def _written(self, prompt: Sequence[int]) -> Iterator[Reply]:
        stop = self._ask.stop if self._ask.extras.prompt else self._ask.stop + self._talker.stop
        stream = TextStream(stop)
        reason: Reason | None = None
        # What is gone on with, and JSON, are no answer before which anybody thinks.
        is_answer = not self._goes_on and self._ask.extras.schema is None
        thoughts = Thoughts(self._talker.begun, is_answering=not is_answer)
        ready, sent = "", 0.0
        grammar = self._grammar()
        with self._llama.sampler(self._ask.sampling, prompt, grammar) as draw:
            while reason is None:
                token = draw()
                self._count()
                self._said.append(token)
                if self._llama.is_end(token):
                    reason = "stop"
                    break
                if self._ask.extras.likeliest is not None:
                    yield self._llama.odds(token, self._ask.extras.likeliest)
                ready += stream.feed(self._piece(token))
                if ready and (self._ask.extras.likeliest or self._last - sent >= GATHERED):
                    yield from thoughts.feed(ready)
                    ready, sent = "", self._last
                reason = "stop" if stream.is_stopped else self._limit() or self._taken(token)
        yield from thoughts.feed(ready + stream.end())
        yield from thoughts.end()
        yield self._finished(reason)

    def _grammar(self) -> str | None:
        if self._ask.extras.schema is None:
            return None
        from herd.engine.grammar import grammar

        return grammar(self._ask.extras.schema)

    def _count(self) -> None:
        self._last = time.monotonic()
        if not self._tokens:
            self._first = self._last
        self._tokens += 1

    def _piece(self, token: int) -> bytes:
        begins = self._tokens == 1 and self._talker.has_template and not self._goes_on
        return self._llama.piece(token, is_first=begins)

    def _limit(self) -> Reason | None:
        most = self._ask.sampling.max_tokens
        if most is not None and self._tokens >= most:
            return "length"
        # Whoever said how long the answer may be has said enough.
        if most is None and len(self._said) % LOOK_EVERY == 0 and is_looping(self._said):
            return "loop"
        return "context" if self._llama.room <= 0 else None

    def _taken(self, token: int) -> Reason | None:
        return None if self._llama.write(token) and not self._stop.is_set else "stopped"

    def _finished(self, reason: Reason) -> Finished:
        return Finished(
            reason,
            tokens=self._tokens,
            seconds=self._last - self._first,
            first_token_seconds=self._first - self._asked,
        )


def fitted(talker: Talker, ask: Ask) -> tuple[list[int], int]:
    """The tokens of the newest turns that fit, and how many of the oldest turns do not.

    Raises:
        Unanswerable: the question alone is too long.
    """
    context = talker.llama.context
    turns = ask.turns
    tools = ask.extras.tools
    if ask.extras.prompt is not None:
        turns = (Turn(Role.USER, ask.extras.prompt),)
        _refuse_endless(talker, turns)
        prompt = talker.llama.tokens(ask.extras.prompt)
    else:
        _refuse_endless(talker, turns)
        prompt = talker.prompt(turns, tools, ask.extras.thinks)
    free = min(ask.sampling.max_tokens or KEPT_FREE, KEPT_FREE, context // 4)
    left_out = 0
    cells = talker.llama.cells
    if cells(prompt) > context - free and ask.extras.prompt is None:
        kept = fit(
            turns, lambda some: cells(talker.prompt(some, tools, ask.extras.thinks)), context - free
        )
        prompt, left_out = talker.prompt(kept.turns, tools, ask.extras.thinks), kept.left_out
    if cells(prompt) > context - LEAST_ROOM:
        raise _too_long(talker.reference, f"{cells(prompt):,} tokens", context)
    if not prompt or prompt[-1] < 0:
        raise Unanswerable("There is nothing to answer.", "Ask something.")
    return prompt, left_out


def _refuse_endless(talker: Talker, turns: Sequence[Turn]) -> None:
    """A text that no context holds is not even made into tokens, which would take minutes."""
    context = talker.llama.context
    always = [turn for turn in turns[:-1] if turn.role is Role.SYSTEM] + list(turns[-1:])
    characters = sum(len(turn.text) for turn in always)
    if characters > context * _LONGEST_TOKEN:
        raise _too_long(talker.reference, f"{characters:,} characters", context)


def _too_long(reference: str, length: str, context: int) -> Unanswerable:
    return Unanswerable(
        f"The question is {length} long, and {reference} holds {context:,} tokens in all.",
        "Shorten it, or take a model with a larger context.",
    )
