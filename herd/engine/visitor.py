"""An engine that asks at the door of another herd, and does it itself where nobody opens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from herd.chat import Turn
from herd.engine.door import is_open
from herd.engine.engine import Engine
from herd.engine.exchange import told
from herd.engine.protocol import (
    LONGEST_REPLY,
    Ask,
    Failed,
    Garbled,
    Load,
    Reply,
    Settings,
    Sign,
    decode_reply,
    encode,
)
from herd.engine.residents import Phase, State
from herd.engine.values import Extras, Finished, Loadable, Piece, Ready
from herd.errors import EngineCrashed, Interrupted
from herd.model import Sampling

_GLANCE = 0.05
"""Seconds between two looks at the stop event."""


class Visitor(Engine):
    """Answers with the models that the herd behind the door has loaded."""

    def __init__(self, door: Path, log: Path, *, settings: Settings, keep_alive: float | None):
        """Ask nobody yet; the arguments beside the door are those of Engine, for its own work."""
        super().__init__(log, settings=settings, keep_alive=keep_alive)
        self._door = door
        self._ready: Ready | None = None
        self._there: State | None = None
        """What the other herd does for this one just now."""

    @property
    def is_visiting(self) -> bool:
        """Whether another herd answers."""
        return not self.is_host and is_open(self._door)

    @property
    def loaded(self) -> Ready | None:
        """The model that was used last."""
        return self._ready or super().loaded

    @property
    def seen(self) -> tuple[State, ...]:
        """The model that another herd answered with, and those of this herd's own."""
        own, ready = self.states, self._ready
        if there := self._there:
            return (there, *own)
        return (State(ready.reference, Phase.READY, ready=ready), *own) if ready else own

    def prepare(self) -> None:
        """A process of one's own is needed only where nobody opens."""
        if not self.is_visiting:
            super().prepare()

    def ensure(self, model: Loadable, stop: threading.Event | None = None) -> Ready:
        """Have this model loaded, there or here. As Engine.ensure."""
        if not self.is_visiting:
            self._ready = None
            return super().ensure(model, stop)
        with _Visit(self._door, stop or threading.Event()) as visit:
            return self._loaded_there(visit, model)

    def answer(
        self,
        model: Loadable,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        extras: Extras | None = None,
    ) -> Iterator[Piece]:
        """Answer the last turn, there or here. As Engine.answer."""
        if not self.is_visiting:
            self._ready = None
            return super().answer(model, turns, sampling, stop, extras)
        ask = Ask(tuple(turns), sampling, model.stop, extras or Extras())
        return self._from_there(model, ask, stop)

    def _from_there(self, model: Loadable, ask: Ask, stop: threading.Event) -> Generator[Piece]:
        try:
            with _Visit(self._door, stop) as visit:
                ready = self._loaded_there(visit, model)
                for reply in visit.ask(ask):
                    self._there = None
                    if isinstance(reply, Sign):
                        self._there = State(
                            model.reference, Phase.READING, reply.fraction, ready=ready
                        )
                    elif isinstance(reply, Piece):
                        yield reply
                    if isinstance(reply, Finished):
                        return
            raise _gone()
        except Interrupted:
            yield Finished("stopped", tokens=0, seconds=0.0, first_token_seconds=0.0)
        finally:
            self._there = None

    def _loaded_there(self, visit: _Visit, model: Loadable) -> Ready:
        try:
            for reply in visit.ask(_load(model)):
                if isinstance(reply, Sign):
                    self._there = State(model.reference, Phase.LOADING, reply.fraction)
                elif isinstance(reply, Ready):
                    self._ready = reply
                    return reply
        finally:
            self._there = None
        raise _gone()


class _Visit:
    """One connection to the door: closing it ends what was asked."""

    def __init__(self, door: Path, stop: threading.Event) -> None:
        self._stop = stop
        self._number = 0
        self._held = b""
        self._line = socket.socket(socket.AF_UNIX)
        try:
            self._line.connect(str(door))
        except OSError as error:
            self._line.close()
            raise _gone() from error
        self._line.settimeout(_GLANCE)

    def __enter__(self) -> _Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def ask(self, request: Load | Ask) -> Iterator[Reply]:
        """The replies to a request, as they come.

        Raises:
            EngineFailed: the other side could not do it.
            EngineCrashed: it is gone, or speaks nonsense.
            Interrupted: the stop was set.
        """
        self._number += 1
        try:
            self._line.settimeout(10.0)
            self._line.sendall(encode(self._number, request))
            self._line.settimeout(_GLANCE)
            while line := self._next():
                _, reply = decode_reply(line)
                if isinstance(reply, Failed):
                    raise told(reply)
                yield reply
        except (OSError, Garbled) as error:
            raise _gone() from error

    def _next(self) -> bytes:
        """The next line; nothing when the other side has gone."""
        while b"\n" not in self._held:
            if self._stop.is_set():
                raise Interrupted("It was stopped.")
            if len(self._held) > LONGEST_REPLY:
                raise Garbled("a line without end")
            try:
                more = self._line.recv(1 << 16)
            except TimeoutError:
                continue
            if not more:
                return b""
            self._held += more
        line, _, self._held = self._held.partition(b"\n")
        return line


def _load(model: Loadable) -> Load:
    return Load(replace(model, path=model.path.absolute()), Settings())


def _gone() -> EngineCrashed:
    return EngineCrashed(
        "The herd that was answering (`herd serve`) has gone.",
        "Ask again: this herd then loads the model itself.",
    )
