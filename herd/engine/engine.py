"""The engine: it alone decides which model is loaded, and in which process.

`ensure` is the one way to a loaded model. Loaded already: it returns. Another one is
loaded: it switches. The process is dead: it starts a new one. Nobody outside decides from
a state that was read, because it may be old by then.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from herd.chat import Turn
from herd.engine.exchange import Exchange, Terms
from herd.engine.pieces import Extras, Finished, Loadable, Piece, Ready, Vector
from herd.engine.process import COMMAND, Process
from herd.engine.protocol import Ask, Embed, Load, Settings
from herd.errors import Interrupted
from herd.model import Sampling

PATIENCE = 300.0
"""Seconds that a child may be silent before it counts as hung."""

_GLANCE = 0.03
"""Seconds between two looks at whether it is one's turn."""


class Engine:
    """Owns the process in which models run. Any thread may call; one is served at a time."""

    def __init__(
        self,
        log: Path,
        command: Sequence[str] | None = None,
        *,
        settings: Settings | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Start nothing yet.

        Args:
            log: The file that gets what llama.cpp says.
            command: The child to start; tests give another.
            settings: What the person chose for every model.
            patience: Seconds that a child may be silent.
        """
        self._log = log
        self._command = tuple(command or COMMAND)
        self._settings = settings or Settings()
        self._patience = patience
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._ready: Ready | None = None
        self._loaded: object = None
        self._holder = 0
        """The thread whose request is being served."""
        self._under_way: weakref.ref[Generator[Piece]] | None = None
        """The answer that is being given."""

    @property
    def loaded(self) -> Ready | None:
        """The model that is loaded now, for showing."""
        process = self._process
        return self._ready if process and process.is_alive else None

    def ensure(self, model: Loadable, stop: threading.Event | None = None) -> Ready:
        """Have this model loaded.

        Raises:
            EngineFailed: it cannot be loaded; another one that was loaded is not any more.
            EngineCrashed: the process died over it; the next call starts a new one.
            Interrupted: `stop` was set.
        """
        stop = stop or threading.Event()
        with self._served(stop):
            self._ensured(model, stop)
            if not self._ready:
                raise Interrupted("The engine was closed.")
            return self._ready

    def answer(
        self,
        model: Loadable,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        extras: Extras | None = None,
    ) -> Iterator[Piece]:
        """Answer the last turn: Began, then texts, then Finished.

        Closing the iterator ends the answer. So does setting `stop`; the last piece is
        then Finished("stopped"). A thread that begins another answer ends its own older one.

        Args:
            model: Who answers; it is loaded if it is not.
            turns: The conversation, oldest first.
            sampling: How to draw; what it leaves open is not applied.
            stop: Set it to end the answer.
            extras: Tools, a schema, probabilities, or a text in place of the turns.

        Raises:
            EngineFailed: the model cannot be loaded, or does not take this conversation.
            EngineCrashed: the process died; what came so far stays true.
        """
        me: list[weakref.ref[Generator[Piece]]] = []
        ask = Ask(tuple(turns), sampling, model.stop, extras or Extras())
        pieces = self._answered(model, ask, stop, me)
        me.append(weakref.ref(pieces))
        return pieces

    def embed(
        self, model: Loadable, texts: Sequence[str], stop: threading.Event
    ) -> tuple[Vector, ...]:
        """What each of the texts means to the model.

        Raises:
            EngineFailed: the model cannot be loaded, gives no vectors, or a text is too long.
            EngineCrashed: the process died.
            Interrupted: `stop` was set.
        """
        with self._served(stop):
            process = self._ensured(model, stop)
            exchange = Exchange(process, Embed(tuple(texts)), self._terms(model, stop))
            try:
                found = tuple(each for each in exchange.replies() if isinstance(each, Vector))
            finally:
                exchange.end()
        if len(found) < len(texts):
            raise Interrupted("The embedding was stopped.")
        return found

    def close(self) -> None:
        """End the process; an answer under way ends as stopped. The engine may be used again."""
        process, self._process, self._ready = self._process, None, None
        if process:
            process.close()

    def _answered(
        self,
        model: Loadable,
        ask: Ask,
        stop: threading.Event,
        me: list[weakref.ref[Generator[Piece]]],
    ) -> Generator[Piece]:
        try:
            with self._served(stop):
                self._under_way = me[0]
                process = self._ensured(model, stop)
                exchange = Exchange(process, ask, self._terms(model, stop))
                try:
                    for reply in exchange.replies():
                        if isinstance(reply, Piece):
                            yield reply
                finally:
                    exchange.end()
        except Interrupted:
            yield Finished("stopped", tokens=0, seconds=0.0, first_token_seconds=0.0)

    def _ensured(self, model: Loadable, stop: threading.Event) -> Process:
        """The process, with this model loaded in it."""
        model = replace(model, path=model.path.absolute())
        wanted = (replace(model, sampling=Sampling(), stop=()), _stamp(model.path))
        process = self._process
        if process and self.loaded and self._loaded == wanted:
            return process
        self._ready = None
        if not process or not process.is_alive:
            process = self._process = Process(self._command, self._log)
        load = Exchange(process, Load(model, self._settings), self._terms(model, stop))
        try:
            for reply in load.replies():
                if isinstance(reply, Ready):
                    self._ready, self._loaded = reply, wanted
        finally:
            load.end()
        return process

    def _terms(self, model: Loadable, stop: threading.Event) -> Terms:
        return Terms(model.reference, stop, self._patience, self._log)

    @contextmanager
    def _served(self, stop: threading.Event) -> Iterator[None]:
        """Wait for one's turn; a thread does not wait for an answer that it left lying itself."""
        while not self._lock.acquire(timeout=_GLANCE):
            if stop.is_set():
                raise Interrupted("It was stopped before it began.")
            left = self._under_way() if self._under_way else None
            if left and self._holder == threading.get_ident():
                left.close()
        self._holder = threading.get_ident()
        try:
            yield
        finally:
            self._under_way = None
            self._lock.release()


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when another file gets this name; the child says what is wrong with it."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)
