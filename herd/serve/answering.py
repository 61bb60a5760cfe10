"""From an ask to what the engine says to it: the queue, the model, the thread between.

The engine blocks, the server must not: each answer runs in a thread of its own, which is
told to stop as soon as nobody wants the answer any more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from herd.answer import DEFAULT_SAMPLING
from herd.core import Herd
from herd.engine import Began, Extras, Finished, Loadable, Odds, Piece, Text, Thinking, Vector
from herd.errors import Unanswerable
from herd.model import Installed
from herd.serve.asks import Ask, Embed
from herd.serve.calls import CallReader
from herd.serve.metrics import Metrics
from herd.serve.outcome import Likely, Outcome, Part
from herd.serve.turns import Turns

log = logging.getLogger("herd.serve.access")

EVERY = 5.0
"""Seconds between two words on an embedding of many texts."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class _End:
    """The thread is over, and what it raised."""

    error: Exception | None = None


class Answering:
    """Answers asks, a few at a time."""

    def __init__(self, herd: Herd, turns: Turns, metrics: Metrics) -> None:
        self._herd = herd
        self._turns = turns
        self._metrics = metrics

    async def find(self, name: str) -> Installed:
        """The installed model of this name.

        Raises:
            UnknownModel: there is none; the hint has the nearest names.
        """
        return await asyncio.to_thread(self._herd.installed, name)

    async def load(self, name: str, client: str) -> None:
        """Have a model loaded.

        Raises:
            HerdError: as `Engine.ensure`.
        """
        model = self._herd.loadable(await self.find(name))
        async with self._turns.turn(client):
            with _stopping() as stop:
                await _in_thread(lambda: self._herd.engine.ensure(model, stop))

    async def answer(self, ask: Ask, client: str) -> AsyncGenerator[Part | Outcome]:
        """The parts of an answer as they come, and its outcome last.

        Closing the generator ends the answer.

        Raises:
            HerdError: as `Engine.answer`, or the model is not installed.
            Full, WaitedTooLong: the queue.
        """
        model = self._loadable(await self.find(ask.model), ask)
        async with self._turns.turn(client):
            telling = _Telling(ask, time.monotonic())
            with _stopping() as stop:
                pieces = self._herd.engine.answer(
                    model, ask.turns, model.sampling.over(DEFAULT_SAMPLING), stop, _extras(ask)
                )
                async for piece in _from_thread(pieces):
                    for part in telling.take(piece):
                        yield part
            outcome = telling.outcome()
            self._metrics.count(outcome)
            yield outcome

    async def embed(self, ask: Embed, client: str) -> tuple[Vector, ...]:
        """A vector for each text.

        Raises:
            HerdError: as `Engine.embed`, or the model is not installed.
            Full, WaitedTooLong: the queue.
        """
        model = self._herd.loadable(await self.find(ask.model))
        async with self._turns.turn(client):
            with _stopping() as stop:
                hear = _counting(model.reference, len(ask.texts))
                embed = self._herd.engine.embed
                return await _in_thread(lambda: embed(model, ask.texts, stop, hear))

    def _loadable(self, installed: Installed, ask: Ask) -> Loadable:
        if installed.role == "embedding":
            raise Unanswerable(
                f"{installed.reference} gives embeddings and does not answer.",
                "Ask `/v1/embeddings` or `/api/embed`, or take another model.",
            )
        sees = any(turn.images for turn in ask.turns)
        model = self._herd.loadable(installed, ask.sampling, sees=sees)
        stop = tuple(dict.fromkeys((*model.stop, *ask.stop)))
        return replace(model, stop=stop, context=ask.context or model.context)


@dataclass
class _Telling:
    """Turns pieces of the engine into parts of an answer."""

    ask: Ask
    asked: float
    _began: Began | None = None
    _began_at: float = 0.0
    _finished: Finished | None = None
    _odds: list[Likely] = field(default_factory=list)
    _parts: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._calls = CallReader(frozenset(tool.name for tool in self.ask.tools))

    def take(self, piece: Piece) -> Iterator[Part]:
        """The parts that become certain with this piece."""
        match piece:
            case Began():
                self._began, self._began_at = piece, time.monotonic()
            case Odds():
                likeliest = tuple(piece.likeliest.items())
                self._odds.append(Likely(piece.text, piece.logprob, likeliest))
            case Thinking(text):
                yield self._kept(Part(text, is_thinking=True))
            case Text(text):
                yield from self._said(self._calls.feed(text))
            case Finished():
                self._finished = piece
                yield from self._said(self._calls.close())

    def outcome(self) -> Outcome:
        """What became of the ask."""
        began = self._began or Began(0, 0, 0)
        done = self._finished or Finished("stopped", 0, 0.0, 0.0)
        return Outcome(
            parts=tuple(self._parts),
            reason=done.reason,
            calls=tuple(self._calls.calls),
            prompt_tokens=began.prompt_tokens,
            reused_tokens=began.reused_tokens,
            tokens=done.tokens,
            load_seconds=max(0.0, self._began_at - self.asked),
            prompt_seconds=done.first_token_seconds,
            seconds=done.seconds,
        )

    def _said(self, text: str) -> Iterator[Part]:
        if text:
            part = Part(text, likely=tuple(self._odds))
            self._odds.clear()
            yield self._kept(part)

    def _kept(self, part: Part) -> Part:
        self._parts.append(part)
        return part


def _counting(name: str, total: int) -> Callable[[int], None]:
    """What writes now and then to the access log how many of many texts are done."""
    next_at = time.monotonic() + EVERY

    def hear(done: int) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at and done < total:
            next_at = time.monotonic() + EVERY
            log.info("%s embeds: %d of %d texts", name, done, total)

    return hear


def _extras(ask: Ask) -> Extras:
    return Extras(
        prompt=ask.prompt,
        tools=tuple(tool.as_json for tool in ask.tools),
        schema=ask.schema,
        likeliest=ask.likeliest,
        thinks=ask.thinks,
    )


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """A stop that is set when its context ends, however that is."""
    stop = threading.Event()
    try:
        yield stop
    finally:
        stop.set()


async def _in_thread(run: Callable[[], Value]) -> Value:
    """What the call returns. Cancelled, it goes on waiting for the thread, which was stopped."""
    return await asyncio.to_thread(run)


async def _from_thread(pieces: Iterator[Piece]) -> AsyncGenerator[Piece]:
    """The pieces of a blocking iterator, which a thread of its own runs through."""
    loop = asyncio.get_running_loop()
    said: asyncio.Queue[Piece | _End] = asyncio.Queue()

    def run() -> None:
        error: Exception | None = None
        try:
            for piece in pieces:
                loop.call_soon_threadsafe(said.put_nowait, piece)
        except Exception as raised:  # noqa: BLE001  # raised again where the pieces are wanted
            error = raised
        loop.call_soon_threadsafe(said.put_nowait, _End(error))

    thread = threading.Thread(target=run, name="answer", daemon=True)
    thread.start()
    while not isinstance(piece := await said.get(), _End):
        yield piece
    if piece.error is not None:
        raise piece.error
