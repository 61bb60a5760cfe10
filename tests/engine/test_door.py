"""One herd uses the models that another has loaded: real engines, a real socket."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from herd.chat import Role, Turn
from herd.engine import Engine, Finished, Loadable, Piece, Ready, Settings, Text
from herd.engine import door as door_
from herd.engine.door import Door, is_open
from herd.engine.protocol import Ask, Load, encode
from herd.engine.residents import Phase, State
from herd.engine.visitor import Visitor
from herd.errors import EngineCrashed, EngineFailed
from herd.model import Sampling
from tests.tools.fakes import FakeEngine
from tests.tools.wait import until

TURNS = [Turn(Role.USER, "llama wool")]
FEW = Sampling(temperature=0.5, seed=4, max_tokens=8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


@pytest.fixture
def visitor(path: Path, tmp_path: Path) -> Iterator[Visitor]:
    visitor = Visitor(path, tmp_path / "engine.log", settings=Settings(), keep_alive=None)
    yield visitor
    visitor.close()


def text_of(engine: Engine, model: Loadable) -> str:
    pieces = engine.answer(model, TURNS, FEW, threading.Event())
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def test_a_visitor_gets_the_answer_of_the_one_that_has_the_model(
    engine: Engine, visitor: Visitor, path: Path, tiny: Loadable
) -> None:
    expected = text_of(engine, tiny)
    door = Door(engine, path)
    assert door.open()

    ready = visitor.ensure(tiny)
    said = text_of(visitor, tiny)
    door.close()

    assert said == expected
    assert ready.reference == tiny.reference
    assert visitor.states == ()  # nothing was loaded twice
    assert [state.ready for state in visitor.seen] == [ready]


def test_where_nobody_opens_a_visitor_does_it_itself(
    visitor: Visitor, tiny: Loadable, path: Path
) -> None:
    path.write_bytes(b"")

    assert not visitor.is_visiting
    assert text_of(visitor, tiny)


def test_the_one_behind_the_door_does_not_visit_itself(path: Path, tmp_path: Path) -> None:
    host = Visitor(path, tmp_path / "engine.log", settings=Settings(), keep_alive=None)
    door = Door(host, path)
    door.open()

    assert is_open(path)
    assert not host.is_visiting
    door.close()
    assert not path.exists()


def test_a_second_one_does_not_take_the_door(path: Path) -> None:
    first, second = Door(FakeEngine(), path), Door(FakeEngine(), path)
    assert first.open()

    assert not second.open()
    second.close()
    assert is_open(path)
    first.close()


def test_a_door_that_a_kill_left_behind_is_taken_over(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    door = Door(FakeEngine(), path)

    assert door.open()
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    door.close()


def test_a_visitor_that_stops_frees_the_engine(
    visitor: Visitor, path: Path, tiny: Loadable
) -> None:
    host = FakeEngine()
    host.gate = threading.Event()
    door = Door(host, path)
    door.open()
    stop = threading.Event()

    pieces = visitor.answer(tiny, TURNS, FEW, stop)
    first = [next(pieces), next(pieces)]
    stop.set()
    last = list(pieces)[-1]
    door.close()

    assert isinstance(first[1], Text)
    assert isinstance(last, Finished)
    assert last.reason == "stopped"


def test_a_door_that_closes_in_mid_answer_is_one_sentence_and_the_next_is_done_here(
    visitor: Visitor, tiny: Loadable, path: Path
) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def hang_up() -> None:
        for _ in range(2):  # the look whether it is open, and the visit
            line, _address = listening.accept()
            line.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(EngineCrashed, match="has gone"):
        list(visitor.answer(tiny, TURNS, FEW, threading.Event()))
    thread.join()
    listening.close()

    assert text_of(visitor, tiny)


def test_an_error_behind_the_door_is_told_as_it_is(
    visitor: Visitor, path: Path, tiny: Loadable
) -> None:
    host = FakeEngine()
    host.failure = EngineFailed("It is damaged.", "Install it again.")
    door = Door(host, path)
    door.open()

    with pytest.raises(EngineFailed, match="It is damaged") as raised:
        list(visitor.answer(tiny, TURNS, FEW, threading.Event()))
    door.close()

    assert raised.value.hint == "Install it again."


def test_a_visitor_sees_how_much_is_loaded_and_read_there(
    visitor: Visitor, path: Path, tiny: Loadable
) -> None:
    goes_on = {Phase.LOADING: threading.Event(), Phase.READING: threading.Event()}

    class Slow(FakeEngine):
        phase = Phase.LOADING

        @property
        def states(self) -> tuple[State, ...]:
            return (State(tiny.reference, self.phase, 0.4),)

        def ensure(self, model: Loadable, stop: threading.Event | None = None) -> Ready:
            self.phase = Phase.LOADING
            assert goes_on[Phase.LOADING].wait(60)
            return super().ensure(model, stop)

        def answer(self, *asked: Any, **__: object) -> Iterator[Piece]:
            self.phase = Phase.READING
            assert goes_on[Phase.READING].wait(60)
            yield from super().answer(*asked)

    door = Door(Slow(), path)
    door.open()
    said: list[str] = []
    asker = threading.Thread(target=lambda: said.append(text_of(visitor, tiny)))
    asker.start()

    def is_seen(phase: Phase) -> bool:
        return [(state.phase, state.fraction) for state in visitor.seen] == [(phase, 0.4)]

    for phase, gate in goes_on.items():
        until(partial(is_seen, phase))
        gate.set()
    asker.join()
    door.close()

    assert said
    assert [(state.phase, state.fraction) for state in visitor.seen] == [(Phase.READY, None)]


def test_nonsense_at_the_door_ends_the_visit_alone(
    visitor: Visitor, path: Path, tiny: Loadable
) -> None:
    host = FakeEngine()
    door = Door(host, path)
    door.open()
    for said in (
        b"hello\n",
        b"\xff\xfe",
        b'{"number": 1, "kind": "Ask"}\n',
        b"{}\n",
        b"[" * 99_999 + b"\n",
    ):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(path))
            line.sendall(said)
            line.shutdown(socket.SHUT_WR)
            line.settimeout(10)
            assert line.recv(10) == b""

    until(lambda: visitor.is_visiting)
    assert text_of(visitor, tiny)
    door.close()


def test_an_asker_that_reads_nothing_does_not_keep_the_engine_from_the_others(
    visitor: Visitor, path: Path, tiny: Loadable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_, "UNREAD_WITHIN", 1)
    is_over = threading.Event()

    class Endless(FakeEngine):
        def answer(self, *_: object, **__: object) -> Iterator[Piece]:
            try:
                while True:
                    yield Text("wool " * 100)
            finally:
                is_over.set()

    door = Door(Endless(), path)
    door.open()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(encode(1, Load(tiny, Settings())))
        line.sendall(encode(2, Ask(tuple(TURNS), FEW, ())))

        assert is_over.wait(60)
    door.close()
