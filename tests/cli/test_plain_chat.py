"""The chat in the plain terminal: what the engine is asked, and what is remembered."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from herd.chat import Role
from herd.errors import EngineCrashed
from tests.cli.calling import URL, Caller, Ran, Typed
from tests.tools.fakes import registry_text

Chat = Callable[..., Ran]


@pytest.fixture
def chat(herd: Caller, monkeypatch: pytest.MonkeyPatch) -> Chat:
    """A chat of these lines, with stdout in a file."""
    herd("install", "tiny")

    def go(*lines: str, words: tuple[str, ...] = ()) -> Ran:
        typed = "".join(f"{line}\n" for line in lines)
        monkeypatch.setattr(sys, "stdin", Typed(typed, is_terminal=True))
        return herd("run", "tiny", *words)

    return go


def asked(herd: Caller) -> list[list[str]]:
    """The turns of each question."""
    return [[turn.text for turn in turns] for _, turns in herd.engine.asked]


def test_answers_go_to_stdout_and_marks_to_stderr(chat: Chat) -> None:
    ran = chat("hum?")

    assert (ran.code, ran.out) == (0, "tiny:q4_0 says: hum?\n")
    assert ran.err == "tiny:q4_0 · /help shows what else there is\n>>> >>> \n"


def test_what_was_said_is_remembered(chat: Chat, herd: Caller) -> None:
    chat("hum?", "and you?")

    assert asked(herd) == [["hum?"], ["hum?", "tiny:q4_0 says: hum?", "and you?"]]


def test_a_new_conversation_remembers_only_what_it_is_told(chat: Chat, herd: Caller) -> None:
    chat("/system Be brief.", "hum?", "/new", "again?", "/system", "now?")

    assert asked(herd) == [
        ["Be brief.", "hum?"],
        ["Be brief.", "again?"],
        ["again?", "tiny:q4_0 says: again?", "now?"],
    ]


def test_the_system_prompt_may_come_with_the_command(chat: Chat, herd: Caller) -> None:
    chat("hum?", words=("--system", "Be brief."))

    ((_, turns),) = herd.engine.asked
    assert [turn.role for turn in turns] == [Role.SYSTEM, Role.USER]


def test_another_model_is_fetched_after_asking_and_gets_the_whole_conversation(
    chat: Chat, herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    herd.offer(registry_text(URL, name="twin"), "second")
    monkeypatch.setattr("herd.cli.session.is_interactive", lambda: True)

    ran = chat("hum?", "/model twin", "n", "still?", "/model twin", "y", "and you?")

    assert "twin:q4_0 was not installed." in ran.err
    assert ran.out.splitlines()[-2:] == ["tiny:q4_0 says: still?", "twin:q4_0 says: and you?"]
    assert len(asked(herd)[-1]) == 5


def test_a_crash_is_one_sentence_and_the_conversation_lives_on(
    chat: Chat, herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure = herd.engine.ensure
    crashes = iter([False, True, False])

    def dies(*given: object) -> object:
        if next(crashes):
            raise EngineCrashed("The engine died.", "Ask again.")
        return ensure(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(herd.engine, "ensure", dies)

    ran = chat("one", "two", "three")

    assert ran.code == 0
    assert "herd: The engine died.\nAsk again.\n" in ran.err
    assert asked(herd)[-1] == ["one", "tiny:q4_0 says: one", "three"]


def kept(herd: Caller) -> list[list[str]]:
    history = herd.make().history
    found = [history.find(each.id) for each in history.all()]
    history.close()
    return [[turn.text for turn in each.turns] for each in found if each]


def test_a_chat_is_kept_only_where_that_was_asked_for(chat: Chat, herd: Caller) -> None:
    chat("hum?")
    assert not (herd.home / "chats.db").exists()

    chat("hum?", "and you?", words=("--save",))

    assert kept(herd) == [["hum?", "tiny:q4_0 says: hum?", "and you?", "tiny:q4_0 says: and you?"]]


def test_a_chat_is_kept_from_where_the_person_says_so(chat: Chat, herd: Caller) -> None:
    chat("hum?", "/save", "and you?", "/new", "again?")

    assert sorted(len(turns) for turns in kept(herd)) == [2, 4]


def test_one_question_is_kept_with_its_answer(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Typed(""))

    herd("run", "-y", "tiny", "hum?", "--save", "--system", "Be brief.")

    assert kept(herd) == [["Be brief.", "hum?", "tiny:q4_0 says: hum?"]]


def test_json_and_a_chat_do_not_go_together(chat: Chat) -> None:
    assert chat("hum?", words=("--json",)).code == 2


def test_without_a_name_the_model_of_the_settings_answers(
    chat: Chat, herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    herd("config", "model", "tiny")
    monkeypatch.setattr(sys, "stdin", Typed("hum?"))

    assert herd("run").out == "tiny:q4_0 says: hum?\n"
