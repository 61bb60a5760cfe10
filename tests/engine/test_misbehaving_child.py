"""Whatever the child does, a caller gets one typed error in time, and no process stays."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from herd.engine import Began, Engine, Finished, Loadable, Text
from herd.engine import exchange as exchange_module
from herd.engine import process as process_module
from herd.errors import EngineCrashed, EngineFailed, Interrupted
from herd.model import Sampling
from tests.engine import misbehaving
from tests.engine.asking import user
from tests.engine.conftest import MakeEngine, last_pid

MODEL = Loadable("fake", Path("fake.gguf"))
Start = Callable[..., Engine]


@pytest.fixture
def start(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.setattr(exchange_module, "STOPS_WITHIN", 0.3)
    monkeypatch.setattr(process_module, "_END_WITHIN", 0.3)
    monkeypatch.setattr(process_module, "_WRITE_WITHIN", 0.3)

    def start(mode: Callable[[], None], patience: float = 60.0) -> Engine:
        command = [sys.executable, misbehaving.__file__, mode.__name__]
        return make_engine(command, patience=patience)

    return start


def is_gone(pid: int) -> bool:
    """Whether there is not even a zombie of it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (misbehaving.speaks_garbage, "The engine spoke nonsense while loading fake and was ended."),
        (misbehaving.speaks_without_end, "The engine spoke nonsense while loading fake"),
        (misbehaving.lies_about_types, "The engine spoke nonsense while loading fake"),
        (misbehaving.exits_at_once, r"The engine died \(exit status 3\) while loading fake\."),
        (misbehaving.closes_its_mouth, r"The engine died \(SIGKILL\) while loading fake"),
        (misbehaving.runs_out_of_memory, r"SIGKILL.* most often the system when memory runs out"),
    ],
)
def test_a_child_that_is_not_to_be_believed_is_one_error_and_is_ended(
    start: Start, mode: Callable[[], None], message: str
) -> None:
    engine = start(mode)

    with pytest.raises(EngineCrashed, match=message) as caught:
        engine.ensure(MODEL)

    assert "engine.log" in str(caught.value.hint)
    assert engine.loaded is None
    assert is_gone(last_pid())


@pytest.mark.parametrize("mode", [misbehaving.is_silent, misbehaving.never_reads])
def test_a_child_that_hangs_is_ended_when_the_patience_is_over(
    start: Start, mode: Callable[[], None]
) -> None:
    engine = start(mode, patience=0.2)

    with pytest.raises(EngineCrashed, match="hung while loading fake and was ended"):
        engine.ensure(MODEL)

    assert is_gone(last_pid())


def test_a_child_that_hangs_in_an_answer_is_ended_too(start: Start) -> None:
    engine = start(misbehaving.answers_in_silence, patience=0.2)

    with pytest.raises(EngineCrashed, match="hung while fake was answering"):
        list(engine.answer(MODEL, [user("hum?")], Sampling(), threading.Event()))

    assert engine.loaded is None


def test_a_child_that_does_not_read_takes_no_caller_with_it(start: Start) -> None:
    engine = start(misbehaving.never_reads)
    large = Loadable("fake", Path("fake.gguf"), template="x" * 1_000_000)

    with pytest.raises(EngineCrashed, match="SIGKILL"):
        engine.ensure(large)


def test_a_child_that_does_not_stop_is_stopped(start: Start) -> None:
    engine = start(misbehaving.never_stops)
    stop = threading.Event()
    pieces = []
    for piece in engine.answer(MODEL, [user("hum?")], Sampling(), stop):
        pieces.append(piece)
        if len(pieces) == 3:
            stop.set()

    assert isinstance(pieces[-1], Finished)
    assert pieces[-1].reason == "stopped"
    assert is_gone(last_pid())


def stopped_late(engine: Engine) -> Finished:
    """The end of an answer whose child does not hear the stop."""
    stop = threading.Event()
    pieces = engine.answer(MODEL, [user("hum?")], Sampling(), stop)
    assert isinstance(next(iter(pieces)), Began)
    stop.set()
    *_, last = pieces
    assert isinstance(last, Finished)
    return last


def test_nobody_waits_for_a_child_that_hears_a_stop_late_but_the_next_question(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_END", str(tmp_path / "end"))
    engine = start(misbehaving.hears_late)

    assert stopped_late(engine).reason == "stopped"
    pid = last_pid()
    (tmp_path / "end").touch()
    *_, last = engine.answer(MODEL, [user("hum?")], Sampling(), threading.Event())

    assert isinstance(last, Finished)
    assert last.tokens == 7
    assert last_pid() == pid


def test_a_child_that_never_hears_the_stop_is_ended_for_the_next_question(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_END", str(tmp_path / "end"))
    engine = start(misbehaving.hears_late)

    assert stopped_late(engine).reason == "stopped"
    pid = last_pid()

    assert engine.ensure(MODEL).reference == "fake"
    assert is_gone(pid)


def test_a_loading_that_does_not_stop_is_interrupted(start: Start) -> None:
    engine = start(misbehaving.is_silent)
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()

    with pytest.raises(Interrupted):
        engine.ensure(MODEL, stop)

    assert is_gone(last_pid())


def test_what_was_said_before_a_death_is_heard(start: Start) -> None:
    engine = start(misbehaving.dies_in_a_word)
    pieces = engine.answer(MODEL, [user("hum?")], Sampling(), threading.Event())

    assert [next(pieces), next(pieces)] == [Began(1, 0, 0), Text("half")]
    with pytest.raises(EngineCrashed, match=r"died \(SIGSEGV\) while fake was answering\.$"):
        next(pieces)


def test_closing_ends_a_child_that_ignores_everything_but_force(start: Start) -> None:
    engine = start(misbehaving.never_stops)
    engine.ensure(MODEL)
    pid, began = last_pid(), time.monotonic()

    engine.close()

    assert is_gone(pid)
    assert time.monotonic() - began < 5


def test_a_command_that_does_not_exist_is_said(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine([str(tmp_path / "nothing")])

    with pytest.raises(EngineFailed, match="The engine does not start: No such file"):
        engine.ensure(MODEL)


def test_a_large_log_makes_room_for_a_new_one(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "LARGEST_LOG", 10)
    log = tmp_path / "logs" / "engine.log"
    log.parent.mkdir()
    log.write_text("much was said here")

    start(misbehaving.is_silent, patience=0.05)
    with pytest.raises(EngineCrashed):
        start(misbehaving.is_silent, patience=0.05).ensure(MODEL)

    assert log.read_text() == ""
    assert log.with_name("engine.log.1").read_text() == "much was said here"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_written_stops_nothing(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    (tmp_path / "logs").write_text("in the way")
    engine = make_engine([sys.executable, misbehaving.__file__, "never_stops"])

    assert engine.ensure(MODEL).reference == "fake"
