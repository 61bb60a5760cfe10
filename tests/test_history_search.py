"""Conversations that are searched: every word, by an index that is made when it is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from herd.chat import Conversation, Role, Turn
from herd.history import History
from tests.test_history import ANSWER, QUESTION, history, path, talk, write_first_version, written

__all__ = ["history", "path"]


def _saved(history: History, turn: Turn) -> str:
    conversation = talk(turn)
    history.save(conversation)
    return conversation.id


def test_conversations_are_searched_by_every_word_of_titles_and_turns(history: History) -> None:
    hums = talk(QUESTION, ANSWER)
    other = talk(Turn(Role.USER, "What is a % sign?"))
    for each in (hums, other):
        history.save(each)

    def found(text: str) -> list[str]:
        return [summary.id for summary in history.search(text)]

    assert found("LLAMAS talk") == [hums.id]
    assert found("llamas sign") == []
    assert found("%") == [other.id]
    assert len(found("")) == 2


@pytest.fixture(params=["with an index", "without FTS5"])
def seeking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The search as SQLite has it here, and as one has it that was built without FTS5."""
    if request.param == "without FTS5":
        lacks = "CREATE VIRTUAL TABLE words USING no_such_module (text)"
        monkeypatch.setattr("herd.history_search._WORDS", lacks)
    return str(request.param)


def test_words_are_found_in_any_script_and_whatever_signs_are_in_them(
    history: History, seeking: str
) -> None:
    said = ['Why "do" llamas hum?', "大きなラクダは砂漠を歩く", "C++ AND (NOT) a NEAR b*", "ÄRGER"]
    said.append("in a dump\0there is no end")
    ids = [_saved(history, Turn(Role.USER, each)) for each in said]

    def found(text: str) -> set[int]:
        return {ids.index(each.id) for each in history.search(text)}

    assert found('"do"') == {0}
    assert found("amas um") == {0}
    assert found("ラクダ") == {1}
    assert found("砂漠") == {1}
    assert found("(not) near") == {2}
    assert found("b*") == {2}
    assert found("dump there no") == {4}
    assert found("a\0b NEAR \udcff") == set()


def test_a_search_says_where_the_words_stand(history: History, seeking: str) -> None:
    said = ["Hello.", "Behind it:\n the  GRASS\x1b is \0green. " + "x" * 200, "Green?"]
    turns = [Turn(Role.USER, each) for each in said]
    conversation = Conversation(title="Fields", turns=tuple(turns))
    history.save(conversation)

    def found(text: str) -> tuple[int, str] | None:
        (summary,) = history.search(text)
        place = summary.found
        return None if place is None else (place.turn, place.excerpt[:24])

    assert found("green") == (1, "…is green. xxxxxxxxxxxxx")
    assert found("green grass") == (1, "…it: the GRASS is green.")
    assert found("green?") == (2, "Green?")
    assert found("fields") is None
    assert history.all()[0].found is None


def test_what_was_said_since_the_last_search_is_found_and_what_was_taken_back_is_not(
    path: Path, history: History, seeking: str
) -> None:
    conversation = talk(QUESTION, ANSWER)
    history.save(conversation)
    assert [each.id for each in history.search("llamas")] == [conversation.id]

    history.save(replace(conversation, turns=(Turn(Role.USER, "Camels?"),), title="Deserts"))

    assert history.search("llamas") == ()
    assert [each.id for each in history.search("camels deserts")] == [conversation.id]
    history.remove(conversation.id)
    assert history.search("camels") == ()


def test_any_number_of_words_is_a_search(history: History, seeking: str) -> None:
    history.save(talk(QUESTION))

    assert seeking
    assert len(history.search("do " * 2000 + "llamas " * 2000)) == 1
    assert history.search(" ".join(f"{number:x}" for number in range(2000))) == ()


@pytest.mark.parametrize("damage", ["UPDATE words_data SET block = x'00'", "DROP TABLE words"])
def test_an_index_that_is_damaged_is_made_anew_and_no_conversation_is_lost(
    path: Path, history: History, damage: str
) -> None:
    first, second = talk(QUESTION), talk(Turn(Role.USER, "And sheep?"))
    history.save(first)
    assert history.search("llamas")
    history.close()
    written(path, damage)

    history.save(second)
    assert [each.id for each in history.search("sheep")] == [second.id]
    assert [each.id for each in history.search("llamas")] == [first.id]

    history.close()
    written(path, damage)
    history.remove(first.id)
    assert [each.id for each in history.all()] == [second.id]


def test_a_removed_conversation_leaves_the_index_on_the_disk_too(
    path: Path, history: History
) -> None:
    kept, gone = talk(QUESTION), talk(Turn(Role.USER, "Xylophones, quietly."))
    for each in (kept, gone):
        history.save(each)
    assert len(history.search("xylophones")) == 1

    history.remove(gone.id)
    history.close()

    assert b"xyl" not in path.read_bytes().lower()
    assert [each.id for each in history.search("llamas")] == [kept.id]


def test_a_file_of_an_earlier_herd_is_searched_without_being_saved_again(
    path: Path, history: History
) -> None:
    write_first_version(path)

    assert [each.id for each in history.search("hum old")] == ["a"]


def test_a_search_asks_the_index_and_not_every_text(path: Path, history: History) -> None:
    history.save(talk(QUESTION, ANSWER))
    history.search("llamas")
    written(path, "UPDATE turn SET text = 'nothing'")

    assert len(history.search("llamas")) == 1
    assert history.search("nothing") == ()
