"""An answer in a thread: kept while it comes, and kept when it breaks off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from herd.chat import Conversation, Role, Turn
from herd.core import Herd
from herd.errors import EngineCrashed, NoRoom
from herd.install import Order
from herd.talk import Phase, Talk
from tests.tools.fakes import GGUF, FakeCarrier, FakeEngine, herd_at, question, registry_text
from tests.tools.wait import until

URL = "https://models.example.org/tiny.gguf"


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(lambda *_: "one two three")


@pytest.fixture
def herd(tmp_path: Path, engine: FakeEngine) -> Iterator[Herd]:
    registries = tmp_path / "registries"
    registries.mkdir()
    (registries / "test.yaml").write_text(registry_text(URL))
    herd = herd_at(tmp_path, FakeCarrier({URL: GGUF}), engine)
    herd.installer.install(Order(herd.choose("tiny")))
    yield herd
    if engine.gate:
        engine.gate.set()
    herd.close()


def asked(text: str = "Well?") -> Conversation:
    return Conversation(model="tiny").with_turn(question(text))


def test_the_question_is_kept_before_the_answer_and_the_answer_at_its_end(herd: Herd) -> None:
    talk = herd.talk(asked())
    assert herd.history.find(talk.question.id)
    assert talk.wait(10)

    kept = herd.history.find(talk.question.id)
    assert kept
    assert [turn.text for turn in kept.turns] == ["Well?", "one two three"]
    assert kept.turns[-1].is_complete
    assert talk.phase is Phase.OVER


def test_a_growing_answer_is_kept_now_and_then(herd: Herd, engine: FakeEngine) -> None:
    engine.gate = threading.Event()
    seconds = iter(range(1000))
    talk = Talk(herd.ask(asked()), asked(), herd.history, clock=lambda: float(next(seconds)) * 2)
    talk.start()
    until(lambda: herd.history.find(talk.question.id) is not None)

    kept = herd.history.find(talk.question.id)
    assert kept
    assert kept.turns[-1].text == "one"
    assert not kept.turns[-1].is_complete
    assert talk.phase is Phase.WRITING
    engine.gate.set()
    assert talk.wait(10)


def test_a_stopped_answer_keeps_what_was_said(herd: Herd, engine: FakeEngine) -> None:
    engine.gate = threading.Event()
    talk = herd.talk(asked())
    until(lambda: talk.phase is Phase.WRITING)
    talk.stop()
    assert talk.wait(10)

    assert talk.error is None
    assert talk.conversation.turns[-1].text == "one"
    assert not talk.conversation.turns[-1].is_complete


def test_an_answer_that_was_cut_off_goes_on_and_is_one_turn(herd: Herd, engine: FakeEngine) -> None:
    cut = Turn(Role.ASSISTANT, "one two", "tiny:q4_0", False, 2, 0.5, thought="Hm.")
    engine.reply, engine.thought = (lambda *_: "three four"), "And?"
    talk = herd.talk(asked().with_turn(cut))
    assert [turn.text for turn in talk.question.turns] == ["Well?"]
    assert talk.wait(10)

    kept = herd.history.find(talk.question.id)
    assert kept
    assert [turn.text for turn in kept.turns] == ["Well?", "one two three four"]
    last = kept.turns[-1]
    assert (last.is_complete, last.tokens, last.thought) == (True, 4, "Hm.\n\nAnd?")
    assert last.seconds
    assert last.seconds > 0.5


def test_an_answer_that_never_began_is_no_turn(herd: Herd, engine: FakeEngine) -> None:
    engine.failure = EngineCrashed("The engine died.")
    talk = herd.talk(asked())
    assert talk.wait(10)

    assert talk.error is engine.failure
    assert [turn.text for turn in talk.conversation.turns] == ["Well?"]


def test_what_nobody_foresaw_is_told_as_one_sentence(herd: Herd, engine: FakeEngine) -> None:
    def reply(*_: object) -> str:
        raise ZeroDivisionError("by nought")

    engine.reply = reply
    talk = herd.talk(asked())
    assert talk.wait(10)

    assert talk.error
    assert talk.error.message == "The answer broke off: by nought."


def test_an_answer_that_cannot_be_kept_is_still_given(herd: Herd) -> None:
    class Full:
        def save(self, conversation: Conversation) -> None:
            raise NoRoom("The disk is full.")

    talk = Talk(herd.ask(asked()), asked(), Full())
    talk.start()
    assert talk.wait(10)

    assert talk.conversation.turns[-1].text == "one two three"
    assert talk.error
    assert talk.error.message == "The disk is full."
