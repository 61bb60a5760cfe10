"""Fakes with behaviour: an engine that answers without a model, a carrier that has the bytes.

A Herd made by `herd_at` is real in everything but these two.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herd.chat import Role, Turn, begun
from herd.core import Herd
from herd.engine import Began, Engine, Extras, Finished, Loadable, Piece, Ready, Text, Thinking
from herd.engine.residents import Phase, State
from herd.engine.values import Machine
from herd.errors import HerdError, Interrupted
from herd.fit import Device
from herd.model import Sampling, Sha256, UrlSource
from herd.places import places
from herd.progress import Stage
from herd.transfer import Transfer
from herd.transfer.carrier import Delivery, Wish

GGUF = b"GGUF" + bytes(range(256)) * 16
"""Bytes that look like a model to whoever reads the first four."""


STRANGE = GGUF[:-1] + b"?"
"""A model that no registry of these tests has."""


def digest(content: bytes) -> Sha256:
    return Sha256(hashlib.sha256(content).hexdigest())


@dataclass
class FakeCarrier:
    """Delivers `contents[url]`; `gates[url]` holds the second half back until it is set."""

    contents: dict[str, bytes] = field(default_factory=dict)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    failure: HerdError | None = None
    asked: list[str] = field(default_factory=list)
    at_work: tuple[int, int] = (0, 0)
    """Peers and mirrors that give bytes."""

    def fetch(self, wish: Wish) -> Delivery:
        assert isinstance(wish.source, UrlSource)
        url = wish.source.url
        self.asked.append(url)
        if self.failure:
            raise self.failure
        content = self.contents[url]
        half = len(content) // 2
        wish.gauge.begin(Stage.FETCHING, len(content), note=url)
        wish.staged.part.write_bytes(content[:half])
        wish.gauge.move_to(half)
        wish.gauge.at_work(peers=self.at_work[0], mirrors=self.at_work[1])
        gate = self.gates.get(url)
        while gate is not None and not gate.wait(0.01):
            if wish.stop.is_set():
                raise Interrupted("The fetch was stopped.")
        wish.staged.part.write_bytes(content)
        wish.gauge.move_to(len(content))
        return Delivery(len(content), digest(content))


class FakeEngine(Engine):
    """Answers with `reply(model, turns)`, a word at a time; no process, no model."""

    def __init__(self, reply: Callable[[Loadable, Sequence[Turn]], str] | None = None) -> None:
        self.reply = reply or (lambda model, turns: f"{model.reference} says: {turns[-1].text}")
        self.failure: HerdError | None = None
        self.thought = ""
        """What it thinks before it answers."""
        self.left_out = 0
        """Turns that are said not to fit, once there are more than that."""
        self.gate: threading.Event | None = None
        """Holds an answer back after its first word until it is set."""
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []
        self.others: tuple[State, ...] = ()
        """What other models do."""
        self._ready: Ready | None = None

    @property
    def loaded(self) -> Ready | None:
        return self._ready

    def ensure(self, model: Loadable, stop: threading.Event | None = None) -> Ready:
        if self.failure:
            raise self.failure
        self._ready = Ready(
            reference=model.reference,
            context=model.context or 4096,
            trained_context=8192,
            template="the model's own",
            device="CPU",
            gpu_layers=0,
            layers=30,
            seconds=0.01,
        )
        return self._ready

    def answer(
        self,
        model: Loadable,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        extras: Extras | None = None,
    ) -> Iterator[Piece]:
        self.ensure(model)
        self.asked.append((model.reference, tuple(turns)))
        yield Began(
            prompt_tokens=sum(len(turn.text.split()) for turn in turns),
            reused_tokens=0,
            left_out=self.left_out if len(turns) > self.left_out else 0,
        )
        if self.thought:
            yield Thinking(self.thought)
        words = self.reply(model, turns).split(" ")
        goes_on = begun(turns) is not None
        for at, word in enumerate(words):
            if stop.is_set():
                yield Finished("stopped", at, 0.1, 0.01)
                return
            yield Text(word if at == 0 and not goes_on else f" {word}")
            while self.gate is not None and not self.gate.wait(0.01):
                if stop.is_set():
                    break
        yield Finished("stop", len(words), 0.1, 0.01)

    @property
    def states(self) -> tuple[State, ...]:
        ready = self._ready
        mine = (State(ready.reference, Phase.READY, ready=ready),) if ready else ()
        return (*mine, *self.others)

    def prepare(self) -> None:
        pass

    def look(self, stop: threading.Event | None = None) -> Machine:
        if self.failure:
            raise self.failure
        return Machine((Device("CPU", False, 8 << 30, 16 << 30, "a CPU"),), ("AVX2",))

    def stop(self, reference: str) -> bool:
        ready, self._ready = self._ready, None
        return ready is not None and ready.reference == reference

    def keep(self, reference: str, seconds: float | None) -> None:
        pass

    def close(self) -> None:
        self._ready = None


def registry_text(url: str, content: bytes = GGUF, name: str = "tiny") -> str:
    """A registry with one model, whose file the url delivers."""
    return f"""\
schema: 1
registry: {{name: test}}
models:
  {name}:
    title: {name.title()} the test model
    role: chat
    summary: Answers nothing well.
    licence: {{id: MIT, commercial: open}}
    default: q4_0
    variants:
      q4_0:
        files:
        - name: {name}.gguf
          size: {len(content)}
          sha256: {digest(content)}
          sources:
          - {{url: "{url}"}}
"""


def herd_at(home: Path, carrier: FakeCarrier | None = None, engine: Engine | None = None) -> Herd:
    """A real herd in `home` whose http carrier and engine are fakes."""
    return Herd(
        places({"HERD_HOME": str(home)}),
        transfer=lambda _: Transfer({UrlSource: carrier or FakeCarrier()}),
        engine=lambda *_: engine or FakeEngine(),
    )


def question(text: str) -> Turn:
    return Turn(Role.USER, text)
