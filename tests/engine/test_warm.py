"""Several models stay loaded: who is there, who leaves for whom, and what one sees of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from herd.engine import Engine, Finished, Loadable, model_pool
from herd.engine.engine import needed
from herd.engine.memory import Held, available, held_by
from herd.engine.protocol import Settings
from herd.engine.residents import Phase, Resident, leavers
from herd.engine.running import Running, let_go, running
from herd.engine.waiting_line import Line
from herd.errors import EngineFailed
from tests.engine import misbehaving
from tests.engine.asking import LONG, model_said, said, user
from tests.engine.conftest import MADE, MakeEngine, MakeModel, last_pid
from tests.engine.test_misbehaving_child import is_gone
from tests.tools import tiny_gguf
from tests.tools.tiny_gguf import Tiny
from tests.tools.wait import until


@pytest.fixture
def one(models: MakeModel) -> Loadable:
    return models()


@pytest.fixture
def two(models: MakeModel) -> Loadable:
    return models(Tiny(seed=2))


def phases(engine: Engine) -> dict[str, Phase]:
    return {state.reference: state.phase for state in engine.states}


def test_switching_back_loads_nothing_and_reads_only_what_is_new(
    engine: Engine, one: Loadable, two: Loadable
) -> None:
    ready = engine.ensure(one)
    first = said(engine, one)
    turns = [user("hum?"), model_said(first.text), user("and you?")]
    said(engine, two, turns)

    back = said(engine, one, turns)

    assert engine.ensure(one) is ready
    assert back.began.reused_tokens >= first.began.prompt_tokens - 1
    assert phases(engine) == {one.reference: Phase.READY, two.reference: Phase.READY}


def test_the_least_recently_used_leaves_when_memory_asks_for_it(
    engine: Engine, one: Loadable, two: Loadable, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.ensure(one)
    pid = last_pid()
    monkeypatch.setattr(model_pool, "available", lambda: 0)

    engine.ensure(two)

    assert is_gone(pid)
    assert phases(engine) == {two.reference: Phase.READY}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the fake child reads /proc")
def test_a_model_leaves_the_gpu_for_one_that_fits_there_alone(
    make_engine: MakeEngine,
    one: Loadable,
    two: Loadable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "gpu"
    folder.mkdir()
    monkeypatch.setenv("FAKE_GPU", str(folder))
    engine = make_engine([sys.executable, misbehaving.__file__, misbehaving.has_a_gpu.__name__])
    assert engine.ensure(one).gpu_layers == 2

    assert engine.ensure(replace(two, gpu_layers=0)).gpu_layers == 0
    assert len(engine.states) == 2
    assert engine.ensure(two).gpu_layers == 2

    assert [state.reference for state in engine.states] == [two.reference]


def test_a_model_on_a_gpu_takes_no_room_of_the_machine_from_another(
    make_engine: MakeEngine,
    one: Loadable,
    two: Loadable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = tmp_path / "large.gguf"
    large.write_bytes(two.path.read_bytes())
    os.truncate(large, 6 << 30)
    large_one = replace(two, path=large)
    engine = make_engine(
        [sys.executable, misbehaving.__file__, misbehaving.has_a_large_gpu.__name__]
    )
    monkeypatch.setattr(model_pool, "available", lambda: 2 << 30)
    assert needed(large_one) > 6 << 30

    engine.ensure(one)
    engine.ensure(large_one)
    assert len(engine.states) == 2

    engine.ensure(replace(large_one, reference="on the CPU", gpu_layers=0))
    assert [state.reference for state in engine.states] == ["on the CPU"]


def resident(used: float, own: int, mapped: int = 0) -> Resident:
    made = MADE[0]
    one = Resident(f"used {used}", None, made.process, None)
    one.used, one.held = used, Held(own, mapped)
    return one


def test_only_as_many_leave_as_must_and_mapped_files_are_not_free(
    engine: Engine, one: Loadable
) -> None:
    engine.ensure(one)
    old, new, newest = resident(1, 100), resident(2, 50, mapped=50), resident(3, 100)

    assert leavers([newest, new, old], needed=100, available=160) == []
    assert leavers([newest, new, old], needed=150, available=160) == [old]
    assert leavers([newest, new, old], needed=250, available=160) == [old, new]
    assert leavers([newest, new, old], needed=9999, available=160) == [old, new, newest]


def test_another_file_or_context_of_the_same_name_replaces_the_older_one(
    engine: Engine, one: Loadable
) -> None:
    engine.ensure(one)
    pid = last_pid()

    assert engine.ensure(replace(one, context=512)).context == 512
    assert is_gone(pid)
    assert len(engine.states) == 1


def test_a_model_that_nobody_uses_leaves_after_its_time(
    make_engine: MakeEngine, one: Loadable, two: Loadable
) -> None:
    engine = make_engine(keep_alive=0.2)
    engine.ensure(two)
    engine.keep(two.reference, None)
    engine.ensure(one)
    pid = last_pid()

    until(lambda: is_gone(pid))

    assert phases(engine) == {two.reference: Phase.READY}
    assert said(engine, one).text


def test_a_process_waits_for_the_next_model_when_nothing_goes_on(
    engine: Engine, one: Loadable, two: Loadable
) -> None:
    engine.ensure(one)
    until(lambda: engine._pool._spare is not None)
    spare = engine._pool._spare

    engine.ensure(two)

    assert spare is not None
    assert last_pid() == spare.pid
    engine.close()
    assert is_gone(spare.pid)


def test_a_prepared_process_takes_the_first_model(engine: Engine, one: Loadable) -> None:
    engine.prepare()
    spare = engine._pool._spare

    assert said(engine, one).text
    assert spare is not None
    assert last_pid() == spare.pid


def test_a_process_that_refused_a_file_takes_the_next_one(
    engine: Engine, one: Loadable, tmp_path: Path
) -> None:
    bad = Loadable("bad", tiny_gguf.truncated(tmp_path / "bad.gguf"))
    with pytest.raises(EngineFailed):
        engine.ensure(bad)
    pid = last_pid()

    engine.ensure(one)

    assert last_pid() == pid
    (state,) = [state for state in engine.states if state.reference == "bad"]
    assert state.phase is Phase.BROKEN
    assert state.reason == "bad could not be loaded: the file is damaged or incomplete."


def test_what_broke_is_ready_again_once_it_loads(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    model = Loadable("mended", tiny_gguf.truncated(path))
    with pytest.raises(EngineFailed):
        engine.ensure(model)
    path.unlink()
    tiny_gguf.write(path)

    engine.ensure(model)

    assert phases(engine) == {"mended": Phase.READY}


def test_a_model_is_let_go_in_the_middle_of_an_answer(engine: Engine, one: Loadable) -> None:
    pieces = engine.answer(one, [user("hum?")], LONG, threading.Event())
    next(pieces)
    next(pieces)
    assert phases(engine) == {one.reference: Phase.TALKING}

    assert engine.stop(one.reference)

    *_, last = pieces
    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    assert is_gone(last_pid())
    assert engine.states == ()
    assert not engine.stop(one.reference)
    assert said(engine, one).text


def test_a_state_says_how_much_memory_a_model_takes(engine: Engine, one: Loadable) -> None:
    engine.ensure(one)
    (state,) = engine.states

    assert state.memory == pytest.approx(held_by(last_pid()).total, rel=0.2)
    assert 1 << 20 < state.memory < available()
    assert state.leaves_in is not None


def shown(folder: Path) -> list[Running]:
    return list(running(folder))


def test_a_loaded_model_shows_itself_to_every_herd(
    make_engine: MakeEngine, one: Loadable, tmp_path: Path
) -> None:
    folder = tmp_path / "running"
    engine = make_engine(settings=Settings(running=str(folder)))
    said(engine, one)
    until(lambda: [each.phase for each in shown(folder)] == ["ready"])

    (seen,) = shown(folder)

    assert (seen.reference, seen.pid, seen.owner) == (one.reference, last_pid(), os.getpid())
    assert seen.ready == engine.loaded
    assert seen.memory > 0


def test_another_herd_may_let_it_go_and_the_answer_ends_as_stopped(
    make_engine: MakeEngine, one: Loadable, tmp_path: Path
) -> None:
    folder = tmp_path / "running"
    engine = make_engine(settings=Settings(running=str(folder)))
    pieces = engine.answer(one, [user("hum?")], LONG, threading.Event())
    next(pieces)
    (seen,) = shown(folder)
    assert seen.phase == "talking"

    let_go(seen)

    *_, last = pieces
    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    until(lambda: is_gone(seen.pid))
    assert list(folder.iterdir()) == []
    assert said(engine, one).text


def test_what_was_killed_is_not_shown(
    make_engine: MakeEngine, one: Loadable, tmp_path: Path
) -> None:
    folder = tmp_path / "running"
    make_engine(settings=Settings(running=str(folder))).ensure(one)
    until(lambda: len(shown(folder)) == 1)
    os.kill(last_pid(), signal.SIGKILL)
    until(lambda: is_gone(last_pid()))

    assert shown(folder) == []
    assert list(folder.iterdir()) == []


def test_a_file_that_nobody_wrote_for_us_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text('{"reference": "x", "pid": 1}')
    (tmp_path / "2.json").write_text("[" * 100_000)

    assert shown(tmp_path) == []


def test_who_comes_first_is_served_first() -> None:
    line, served = Line(), []
    assert line.enter(lambda: True)

    def wait(number: int) -> None:
        line.enter(lambda: True)
        served.append(number)
        line.leave()

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=wait, args=[number]))
        threads[-1].start()
        until(lambda wanted=number: line.length == wanted + 2)  # type: ignore[misc]
    line.leave()
    for thread in threads:
        thread.join()

    assert served == list(range(8))
    assert line.length == 0


def test_who_leaves_the_line_holds_nobody_up() -> None:
    line = Line()
    assert line.enter(lambda: True)

    assert not line.enter(lambda: False)

    line.leave()
    assert line.enter(lambda: True)
