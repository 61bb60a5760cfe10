"""An answer as it is spoken: what is remarked beside it, and what Ctrl-C does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence

import pytest

from herd.chat import Turn
from herd.cli.answer_stream import stopping
from herd.engine import Began, Finished, Loadable, Piece, Ready, Text
from herd.model import Sampling
from tests.cli.calling import Caller
from tests.tools.fakes import FakeEngine


@pytest.fixture
def ready(herd: Caller) -> Caller:
    herd("install", "tiny")
    return herd


def speaks(herd: Caller, monkeypatch: pytest.MonkeyPatch, *pieces: Piece) -> None:
    def answer(
        model: Loadable, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event
    ) -> Iterator[Piece]:
        yield from pieces

    monkeypatch.setattr(herd.engine, "answer", answer)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("stop", ""),
        ("length", "(Cut: --max-tokens is reached.)\n"),
        ("context", "(Cut: the context is full.)\n"),
    ],
)
def test_an_answer_that_was_cut_says_why_on_stderr(
    ready: Caller, monkeypatch: pytest.MonkeyPatch, reason: str, said: str
) -> None:
    finished = Finished(reason, 1, 0.1, 0.1)  # type: ignore[arg-type]
    speaks(ready, monkeypatch, Began(1, 0, 0), Text("hum"), finished)

    ran = ready("run", "tiny", "hum?")

    assert (ran.out, ran.err) == ("hum\n", said)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("the model's own", ""),
        ("the registry's", ""),
        ("alpaca, as was asked", ""),
        (
            "alpaca, guessed by its name",
            (
                "(tiny:q4_0 has no chat template of its own: it gets alpaca, guessed by its name; "
                "--template NAME takes another.)\n"
            ),
        ),
        (
            "none, it continues plain text",
            "(tiny:q4_0 has no chat template: it goes on with the text.)\n",
        ),
    ],
)
def test_a_template_that_is_a_guess_is_told_once(
    ready: Caller, monkeypatch: pytest.MonkeyPatch, template: str, said: str
) -> None:
    loaded = Ready("tiny:q4_0", 64, 64, template, "CPU", 0, 2, 0.1)
    monkeypatch.setattr(FakeEngine, "loaded", loaded)
    speaks(ready, monkeypatch, Began(1, 0, 0), Text("hum"), Finished("stop", 1, 0.1, 0.1))

    ran = ready("run", "tiny", "hum?")

    assert (ran.out, ran.err) == ("hum\n", said)


@pytest.mark.parametrize(("left_out", "turns"), [(1, "1 old turn"), (4, "4 old turns")])
def test_turns_that_no_longer_fit_are_counted(
    ready: Caller, monkeypatch: pytest.MonkeyPatch, left_out: int, turns: str
) -> None:
    speaks(ready, monkeypatch, Began(1, 0, left_out), Text("hum"), Finished("stop", 1, 0.1, 0.1))

    assert ready("run", "tiny", "hum?").err == f"({turns} no longer fit and were left out.)\n"


def test_an_answer_of_no_words_is_no_line(ready: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    speaks(ready, monkeypatch, Began(1, 0, 0), Finished("stop", 0, 0.0, 0.0))

    ran = ready("run", "tiny", "hum?")

    assert (ran.code, ran.out) == (0, "")


def test_the_first_ctrl_c_stops_and_the_second_interrupts() -> None:
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def interrupt_twice() -> None:
        with stopping(stop):
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.is_set()
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupt_twice()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_that_is_not_the_main_one_leaves_signals_alone() -> None:
    entered: list[object] = []

    def speak() -> None:
        with stopping(threading.Event()):
            entered.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=speak)
    thread.start()
    thread.join()

    assert entered == [signal.getsignal(signal.SIGINT)]
