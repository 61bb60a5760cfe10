"""The engine: it alone decides which models are loaded, and in which processes.

`ensure` is the one way to a loaded model. Loaded already: it returns. Not yet: it is
loaded, and the least recently used ones leave if memory asks for it. Its process is dead:
a new one starts. Nobody outside decides from a state that was read, because it may be old
by then.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from herd.chat import Turn
from herd.engine.exchange import Exchange, Terms
from herd.engine.model_pool import ModelPool
from herd.engine.process import COMMAND
from herd.engine.protocol import Ask, Embed, Load, Look, Settings, Sign
from herd.engine.residents import Phase, Resident, State
from herd.engine.values import (
    Began,
    Extras,
    Finished,
    Loadable,
    Machine,
    Piece,
    Ready,
    Text,
    Thinking,
    Vector,
)
from herd.engine.waiting_line import Line
from herd.errors import HerdError, Interrupted
from herd.fit import CONTEXT, Placement, needs
from herd.model import Sampling

PATIENCE = 300.0
"""Seconds that a child may be silent before it counts as hung."""

Loaded = tuple[Loadable, tuple[int, int, int]]
"""How a model was loaded, and from which file."""

KEEP_ALIVE = 1800.0
"""Seconds that a model stays loaded without being used."""


class Engine:
    """Owns the processes in which models run. Any thread may call; one is served at a time."""

    def __init__(
        self,
        log: Path,
        command: Sequence[str] | None = None,
        *,
        settings: Settings | None = None,
        patience: float = PATIENCE,
        keep_alive: float | None = KEEP_ALIVE,
    ) -> None:
        """Start nothing yet.

        Args:
            log: The file that gets what llama.cpp says.
            command: The child to start; tests give another.
            settings: What the person chose for every model.
            patience: Seconds that a child may be silent.
            keep_alive: Seconds that a model stays without being used; None: for good.
        """
        self._log = log
        self._settings = settings or Settings()
        self._patience = patience
        self._pool = ModelPool(tuple(command or COMMAND), log, keep_alive)
        self._line = Line()
        self._holder = 0
        """The thread whose request is being served."""
        self._under_way: weakref.ref[Generator[Piece]] | None = None
        """The answer that is being given."""

    is_host = False
    """Whether others ask this engine at a door: then it does not go visiting itself."""

    @property
    def is_visiting(self) -> bool:
        """Whether another herd answers in place of this one."""
        return False

    @property
    def loaded(self) -> Ready | None:
        """The model that was used last, if it is loaded now; for showing."""
        warm = self._pool.warm()
        return max(warm, key=lambda each: each.used).ready if warm else None

    @property
    def states(self) -> tuple[State, ...]:
        """Every model that is loaded, is being loaded or broke, the last used first."""
        return self._pool.states()

    @property
    def seen(self) -> tuple[State, ...]:
        """As `states`, and what answers from elsewhere; for showing."""
        return self.states

    def prepare(self) -> None:
        """Have a process at hand into which the next model is loaded; costs no waiting."""
        self._pool.prepare()

    def look(self, stop: threading.Event | None = None) -> Machine:
        """What this build of llama.cpp has to compute on here.

        Raises:
            EngineFailed, EngineCrashed: it cannot even be asked.
            Interrupted: `stop` was set.
        """
        stop = stop or threading.Event()
        with self._served(stop):
            return self._looked(stop)

    def ensure(self, model: Loadable, stop: threading.Event | None = None) -> Ready:
        """Have this model loaded.

        Raises:
            EngineFailed: it cannot be loaded.
            EngineCrashed: the process died over it; the next call starts a new one.
            Interrupted: `stop` was set.
        """
        stop = stop or threading.Event()
        with self._served(stop):
            ready = self._ensured(model, stop).ready
            if not ready:
                raise Interrupted("The engine was closed.")
            return ready

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
        self,
        model: Loadable,
        texts: Sequence[str],
        stop: threading.Event,
        hear: Callable[[int], None] = lambda _: None,
    ) -> tuple[Vector, ...]:
        """What each of the texts means to the model.

        Args:
            model: Who reads them; it is loaded if it is not.
            texts: In the order of the vectors.
            stop: Set it to end it.
            hear: Told after each text how many are done.

        Raises:
            EngineFailed: the model cannot be loaded, gives no vectors, or a text is too long.
            EngineCrashed: the process died.
            Interrupted: `stop` was set.
        """
        with self._served(stop):
            resident, found = self._ensured(model, stop), list[Vector]()
            with self._asked(resident, Embed(tuple(texts)), self._terms(model, stop)) as exchange:
                for each in exchange.replies():
                    if isinstance(each, Vector):
                        found.append(each)
                        hear(len(found))
        if len(found) < len(texts):
            raise Interrupted("The embedding was stopped.")
        return tuple(found)

    def keep(self, reference: str, seconds: float | None) -> None:
        """Change how long a loaded model stays without being used; None: for good."""
        for each in self._pool.named(reference):
            each.keeps = seconds

    def stop(self, reference: str) -> bool:
        """Let a model go, also in the middle of an answer, which then ends as stopped.

        Returns:
            Whether it was there.
        """
        return self._pool.dismiss(self._pool.named(reference))

    def close(self) -> None:
        """Let everything go; an answer under way ends as stopped. The engine may be used again."""
        self._pool.close()

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
                resident = self._ensured(model, stop)
                with self._asked(resident, ask, self._terms(model, stop)) as exchange:
                    for reply in exchange.replies():
                        _follow(resident, reply)
                        if isinstance(reply, Piece):
                            yield reply
        except Interrupted:
            yield Finished("stopped", tokens=0, seconds=0.0, first_token_seconds=0.0)

    @contextmanager
    def _asked(self, resident: Resident, request: Ask | Embed, terms: Terms) -> Iterator[Exchange]:
        """A request to a model that is loaded; afterwards it rests, or it is known to be dead."""
        resident.begin(Phase.READING, 0.0)
        exchange = Exchange(resident.process, request, terms)
        try:
            try:
                yield exchange
            finally:
                resident.left = None if exchange.end() else exchange
        except HerdError as error:
            if not resident.process.is_alive and not isinstance(error, Interrupted):
                self._pool.broke(resident, error)
            raise
        finally:
            self._pool.rest(resident)

    def _ensured(self, model: Loadable, stop: threading.Event) -> Resident:
        """The model in its process, loaded now if it was not."""
        model = replace(model, path=model.path.absolute())
        key = _key(model)
        while resident := self._pool.find(lambda held: _serves(held, key)):
            if not resident.left:
                return resident
            resident.left.settle()
            resident.left = None
        there = self._make_room_on_gpus(model, stop)
        with self._pool.arriving(model.reference, key, lambda: needed(model, there)) as resident:
            load = Exchange(resident.process, Load(model, self._settings), self._terms(model, stop))
            try:
                for reply in load.replies():
                    match reply:
                        case Sign(fraction):
                            resident.begin(Phase.LOADING, fraction)
                        case Ready():
                            resident.ready = reply
            finally:
                load.end()
        return resident

    def _looked(self, stop: threading.Event) -> Machine:
        terms = Terms("llama.cpp", stop, self._patience, self._log)
        exchange = Exchange(self._pool.prepare(), Look(self._settings.rpc), terms)
        try:
            for reply in exchange.replies():
                if isinstance(reply, Machine):
                    return reply
        finally:
            exchange.end()
        raise Interrupted("The engine was closed.")

    def _make_room_on_gpus(self, model: Loadable, stop: threading.Event) -> Placement | None:
        """Let models on GPUs leave, the least recently used first, until this one fits there.

        Returns:
            How it will lie there; None where no model has layers on a GPU, or this one gets none.
        """
        while there := self._pool.on_gpus():
            from herd.engine.placing import asked_layers, placed

            if (wanted := asked_layers(model, self._settings)) == 0:
                return None
            placement = placed(model, self._settings, self._looked(stop).devices)
            most = placement.layers if wanted < 0 else min(wanted, placement.layers)
            if placement.gpu_layers >= most:
                return placement
            self._pool.dismiss([min(there, key=lambda each: each.used)])
        return None

    def _terms(self, model: Loadable, stop: threading.Event) -> Terms:
        return Terms(model.reference, stop, self._patience, self._log)

    @contextmanager
    def _served(self, stop: threading.Event) -> Iterator[None]:
        """Wait for one's turn; a thread does not wait for an answer that it left lying itself."""

        def look() -> bool:
            left = self._under_way() if self._under_way else None
            if left and self._holder == threading.get_ident():
                left.close()
            return not stop.is_set()

        if not self._line.enter(look):
            raise Interrupted("It was stopped before it began.")
        self._holder = threading.get_ident()
        try:
            yield
        finally:
            self._under_way = None
            self._line.leave()


def needed(model: Loadable, there: Placement | None = None) -> int:
    """Bytes of the machine's memory that it will take at most.

    Args:
        model: The model.
        there: How it will lie on GPUs, if that is known.
    """
    if there:
        return there.on_machine
    from herd.engine.placing import whole_shape  # 10 ms, for those who have other models loaded

    shape = whole_shape(model)
    return needs(shape, min(model.context or CONTEXT, shape.trained or CONTEXT), model.cache).total


def _key(model: Loadable) -> Loaded:
    """What must be the same for a question to go to a model that is loaded."""
    return replace(model, sampling=Sampling(), stop=()), _stamp(model.path)


def _serves(held: object, wanted: Loaded) -> bool:
    """Whether a model that is loaded is the one that is wanted, or can do more: see images."""
    model, stamp = wanted
    if model.projector or not isinstance(held, tuple):
        return held == wanted
    return bool(held[1] == stamp and replace(held[0], projector=None) == model)


def _follow(resident: Resident, reply: object) -> None:
    match reply:
        case Began():
            resident.begin(Phase.READING, 0.0)
        case Sign(fraction):
            resident.begin(Phase.READING, fraction)
        case Thinking() | Text():
            resident.begin(Phase.TALKING)


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when another file gets this name; the child says what is wrong with it."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)
