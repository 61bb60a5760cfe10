"""The real child, damaged files, kills, stops and many callers: nobody hangs, nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from herd.engine import Began, Engine, Finished, Loadable, Piece, Text
from herd.errors import CannotRun, EngineCrashed, EngineFailed, Interrupted
from tests.engine.asking import LONG, model_said, said, user
from tests.engine.conftest import MADE, MakeEngine, MakeModel, last_pid
from tests.engine.test_misbehaving_child import is_gone
from tests.tools import tiny_gguf
from tests.tools.tiny_gguf import Tiny
from tests.tools.wait import until

ABORTED = r"The engine died \(SIGABRT\) while loading bad: the file is probably damaged"

SLOW = Tiny(trained_context=32768, width=256, layers=4)
"""One that talks for many seconds."""


@pytest.fixture
def slow(models: MakeModel) -> Loadable:
    return models(SLOW, context=32768)


def test_the_model_is_switched_and_the_conversation_goes_on(
    engine: Engine, models: MakeModel
) -> None:
    one, two = models(), models(Tiny(seed=2))
    turns = [user("hum?")]
    turns += [model_said(said(engine, one, turns).text), user("and you?")]

    other = said(engine, two, turns)

    assert engine.loaded == engine.ensure(two)
    assert other.began.reused_tokens == 0
    assert other.text != said(engine, one, turns).text


def test_a_file_that_changed_under_its_name_is_loaded_again(engine: Engine, tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "model.gguf")
    before = said(engine, Loadable("tiny", path)).text
    path.unlink()
    tiny_gguf.write(path, Tiny(seed=3))

    assert said(engine, Loadable("tiny", path)).text != before


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (tiny_gguf.truncated, EngineFailed, "bad could not be loaded: the file is damaged or"),
        (tiny_gguf.with_wrong_magic, EngineFailed, "bad is damaged: its file is no GGUF file"),
        (tiny_gguf.without_weights, EngineFailed, "bad could not be loaded: llama.cpp says: "),
        (tiny_gguf.of_unknown_architecture, CannotRun, "does not know the architecture alpac"),
        (tiny_gguf.with_duplicate_tokens, EngineCrashed, ABORTED),
        (tiny_gguf.with_absurd_layers, EngineCrashed, ABORTED),
        (tiny_gguf.without_byte_tokens, EngineCrashed, ABORTED),
    ],
)
def test_a_damaged_file_is_one_sentence_and_the_next_model_loads(
    engine: Engine,
    tiny: Loadable,
    tmp_path: Path,
    damage: Callable[[Path], Path],
    kind: type[EngineFailed],
    message: str,
) -> None:
    bad = Loadable("bad", damage(tmp_path / "bad.gguf"))

    with pytest.raises(kind, match=message) as caught:
        said(engine, bad)

    assert type(caught.value) is kind
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert engine.loaded is None
    assert said(engine, tiny).text


def test_a_file_that_is_not_there_is_said(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match="gone cannot be read: No such file or directory"):
        engine.ensure(Loadable("gone", tmp_path / "gone.gguf"))


def test_a_kill_in_an_answer_is_one_error_and_the_next_answer_works(
    engine: Engine, slow: Loadable
) -> None:
    pieces = engine.answer(slow, [user("hum?")], LONG, threading.Event())
    heard = [next(pieces) for _ in range(5)]
    os.kill(last_pid(), signal.SIGKILL)

    with pytest.raises(EngineCrashed, match=r"died \(SIGKILL\) while tiny\d was answering: someth"):
        list(pieces)

    assert isinstance(heard[0], Began)
    assert all(isinstance(piece, Text) for piece in heard[1:])
    assert is_gone(last_pid())
    assert said(engine, slow).text


def test_a_kill_between_answers_is_not_even_noticed(engine: Engine, tiny: Loadable) -> None:
    said(engine, tiny)
    os.kill(last_pid(), signal.SIGKILL)
    until(lambda: engine.loaded is None)

    assert said(engine, tiny).text


def test_kills_at_any_moment_leave_no_zombie_and_no_hung_caller(
    engine: Engine, slow: Loadable
) -> None:
    moments = random.Random(0)
    for _ in range(5):
        timer = threading.Timer(moments.uniform(0.0, 0.2), lambda: kill(engine))
        pieces = engine.answer(slow, [user("hum " * 300)], LONG, threading.Event())
        timer.start()
        with pytest.raises(EngineCrashed):
            list(pieces)
        timer.join()
        assert is_gone(last_pid())


def kill(engine: Engine) -> None:
    until(lambda: bool(MADE) and MADE[-1].process.is_alive)
    os.kill(last_pid(), signal.SIGKILL)


def test_a_stop_ends_the_reading_of_a_long_prompt_at_once(engine: Engine, slow: Loadable) -> None:
    engine.ensure(slow)
    stop, pieces = threading.Event(), []
    for piece in engine.answer(slow, [user("llama " * 2500)], LONG, stop):
        pieces.append(piece)
        stop.set()
        began = time.monotonic()

    assert time.monotonic() - began < 5.0
    assert isinstance(pieces[0], Began)
    assert pieces[1:] == [Finished("stopped", 0, 0.0, 0.0)]
    assert said(engine, slow).text


def test_a_stop_ends_the_writing_at_once(engine: Engine, slow: Loadable) -> None:
    engine.ensure(slow)
    stop = threading.Event()
    pieces = engine.answer(slow, [user("hum?")], LONG, stop)
    for _ in range(5):
        next(pieces)
    stop.set()
    began = time.monotonic()

    *_, last = pieces

    assert time.monotonic() - began < 5.0
    assert isinstance(last, Finished)
    assert last.reason == "stopped"


def test_a_stop_before_the_beginning_loads_nothing_for_long(engine: Engine, tiny: Loadable) -> None:
    stop = threading.Event()
    stop.set()

    pieces = list(engine.answer(tiny, [user("hum?")], LONG, stop))

    assert [type(piece) for piece in pieces] in ([Finished], [Began, Finished])
    assert isinstance(pieces[-1], Finished)
    assert pieces[-1].reason == "stopped"
    assert said(engine, tiny).text


def test_closing_the_iterator_ends_the_answer(engine: Engine, slow: Loadable) -> None:
    pieces = engine.answer(slow, [user("hum?")], LONG, threading.Event())
    next(pieces)
    began = time.monotonic()

    pieces.close()  # type: ignore[attr-defined]

    assert said(engine, slow).finished.reason == "length"
    assert time.monotonic() - began < 5.0


def test_a_thread_that_leaves_an_answer_lying_may_ask_again(engine: Engine, slow: Loadable) -> None:
    left = engine.answer(slow, [user("hum?")], LONG, threading.Event())
    next(left)

    assert said(engine, slow).finished.reason == "length"
    assert list(left) == []


def test_two_threads_are_answered_one_after_the_other(engine: Engine, models: MakeModel) -> None:
    one, two = models(), models(Tiny(seed=2))
    wanted = {one: said(engine, one).text, two: said(engine, two).text}
    heard: list[bool] = []

    def ask(model: Loadable) -> None:
        heard.extend(said(engine, model).text == wanted[model] for _ in range(5))

    threads = [threading.Thread(target=ask, args=[model]) for model in (one, two, one)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert heard == [True] * 15


def test_who_waits_may_stop_waiting(engine: Engine, slow: Loadable) -> None:
    pieces = engine.answer(slow, [user("hum?")], LONG, threading.Event())
    next(pieces)
    stop = threading.Event()
    outcome: list[Piece] = []

    def wait() -> None:
        outcome.extend(engine.answer(slow, [user("me too")], LONG, stop))
        with pytest.raises(Interrupted):
            engine.ensure(slow, stop)

    waiting = threading.Thread(target=wait)
    waiting.start()
    stop.set()
    waiting.join()

    assert outcome == [Finished("stopped", 0, 0.0, 0.0)]
    assert isinstance(next(pieces), Text)


def test_closing_the_engine_ends_an_answer_and_it_can_be_used_again(
    engine: Engine, slow: Loadable
) -> None:
    pieces = engine.answer(slow, [user("hum?")], LONG, threading.Event())
    next(pieces)
    pid = last_pid()

    engine.close()

    assert is_gone(pid)
    *_, last = pieces
    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    assert said(engine, slow).text


def test_a_child_outlives_the_thread_that_started_it(engine: Engine, tiny: Loadable) -> None:
    thread = threading.Thread(target=engine.ensure, args=[tiny])
    thread.start()
    thread.join()
    pid = last_pid()

    assert said(engine, tiny).text
    assert last_pid() == pid


PARENT = """
import sys, threading
from pathlib import Path
from herd.engine import Engine, Loadable
from herd.model import Sampling
from herd.chat import Role, Turn
engine = Engine(Path(sys.argv[2]))
model = Loadable("tiny", Path(sys.argv[1]), context=32768)
for piece in engine.answer(model, [Turn(Role.USER, "hum?")], Sampling(), threading.Event()):
    print(engine._pool.warm()[0].process.pid, flush=True)
"""


def test_a_child_goes_when_its_parent_is_killed(slow: Loadable, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(slow.path), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)

        parent.kill()
        parent.wait()

        until(lambda: is_gone(pid) or is_zombie(pid))


def is_zombie(pid: int) -> bool:
    """Whether it only waits for whoever adopted it."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "Z"


def test_ctrl_c_in_the_terminal_is_not_for_the_child(engine: Engine, tiny: Loadable) -> None:
    engine.ensure(tiny)

    assert os.getsid(last_pid()) != os.getsid(0)


def test_an_engine_without_llama_cpp_says_how_to_get_it(
    make_engine: MakeEngine, tiny: Loadable
) -> None:
    hidden = (
        "import sys; sys.modules['llama_cpp'] = None; from herd.engine.child import main; main()"
    )
    engine = make_engine([sys.executable, "-c", hidden])

    with pytest.raises(EngineFailed, match="llama-cpp-python does not load") as caught:
        engine.ensure(tiny)

    assert "pip install" in str(caught.value.hint)


SHORT_OF_MEMORY = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
from herd.engine.child import main
main()
"""


def test_a_model_for_which_memory_is_too_short_is_one_sentence(
    make_engine: MakeEngine, models: MakeModel, tiny: Loadable
) -> None:
    engine = make_engine([sys.executable, "-c", SHORT_OF_MEMORY])
    large = models(Tiny(trained_context=1 << 24), context=1 << 24, is_exact=True)

    with pytest.raises(EngineFailed, match=r"not enough memory|died") as caught:
        engine.ensure(large)

    assert caught.value.hint
    assert said(engine, tiny).text


def test_a_child_that_stands_still_is_ended_and_the_next_question_works(
    make_engine: MakeEngine, slow: Loadable
) -> None:
    engine = make_engine(patience=1.0)
    pieces = engine.answer(slow, [user("hum?")], LONG, threading.Event())
    next(pieces)
    os.kill(last_pid(), signal.SIGSTOP)

    with pytest.raises(EngineCrashed, match=r"hung while tiny\d was answering"):
        list(pieces)

    assert is_gone(last_pid())
    assert said(engine, slow).text


def test_a_name_says_nothing_about_whether_a_model_is_loaded(
    engine: Engine, models: MakeModel
) -> None:
    one, two = models(), models(Tiny(seed=2))
    engine.ensure(one)

    assert said(engine, replace(two, reference=one.reference)).text == said(engine, two).text
