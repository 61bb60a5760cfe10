"""Conversations that stay: whole, private, and refused rather than guessed when damaged."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herd.chat import Conversation, Role, Stamp, Turn
from herd.errors import Busy, CannotWrite, HistoryUnreadable
from herd.history import SCHEMA, History, Summary
from herd.model import Sampling

QUESTION = Turn(Role.USER, "Why do llamas hum?")
ANSWER = Turn(Role.ASSISTANT, "To talk.", "tiny:f32", is_complete=False, tokens=3, seconds=0.25)

FIRST_TABLES = """
CREATE TABLE conversation (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, model TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE turn (
    conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL, model TEXT,
    is_complete INTEGER NOT NULL, tokens INTEGER, seconds REAL,
    PRIMARY KEY (conversation, place)
) WITHOUT ROWID
"""
"""As the first herd made them."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.db"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    history = History(path)
    yield history
    history.close()


def talk(*turns: Turn, model: str = "tiny") -> Conversation:
    conversation = Conversation(model=model)
    for turn in turns:
        conversation = conversation.with_turn(turn)
    return conversation


def written(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement, values)
    connection.close()


def write_first_version(path: Path) -> None:
    """A file as the first herd wrote it: one conversation `a` of one question."""
    connection = sqlite3.connect(path)
    for statement in FIRST_TABLES.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO conversation VALUES ('a', 'Old', 'tiny', '2026', '2026')")
    connection.execute("INSERT INTO turn VALUES ('a', 0, 'user', 'Hum?', NULL, 1, NULL, NULL)")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()


def test_a_conversation_comes_back_as_it_was_saved(path: Path, history: History) -> None:
    conversation = talk(QUESTION, ANSWER)

    history.save(conversation)
    history.close()

    assert History(path).find(conversation.id) == conversation


def test_what_nobody_saved_is_not_found_and_no_file_is_made(path: Path, history: History) -> None:
    assert history.find("nobody") is None
    assert history.all() == ()
    history.remove("nobody")
    assert not path.exists()


def test_the_list_has_the_newest_first_and_no_turns(history: History) -> None:
    old = replace(talk(QUESTION), updated_at="2026-01-01T00:00:00+00:00")
    new = replace(talk(QUESTION, ANSWER, model="other"), updated_at="2026-01-02T00:00:00+00:00")
    history.save(new)
    history.save(old)

    assert history.all() == (
        Summary(new.id, "Why do llamas hum?", "other", new.updated_at, turns=2),
        Summary(old.id, "Why do llamas hum?", "tiny", old.updated_at, turns=1),
    )


def test_saving_again_writes_only_what_is_new_or_changed(path: Path, history: History) -> None:
    conversation = talk(QUESTION, ANSWER)
    history.save(conversation)
    written(path, "CREATE TABLE seen (place INTEGER)")
    written(
        path,
        "CREATE TRIGGER see AFTER INSERT ON turn BEGIN INSERT INTO seen VALUES (new.place); END",
    )

    regenerated = replace(ANSWER, text="To be heard.", is_complete=True)
    history.save(replace(conversation, turns=(QUESTION, regenerated, QUESTION)))

    connection = sqlite3.connect(path)
    assert [place for (place,) in connection.execute("SELECT place FROM seen")] == [1, 2]
    connection.close()


def test_turns_that_were_taken_back_are_gone(history: History) -> None:
    conversation = talk(QUESTION, ANSWER, QUESTION)
    history.save(conversation)
    shorter = replace(conversation, turns=conversation.turns[:1])

    history.save(shorter)

    assert history.find(conversation.id) == shorter


def test_a_removed_conversation_leaves_the_disk_too(path: Path, history: History) -> None:
    conversation = talk(Turn(Role.USER, "a secret about llamas " * 50))
    history.save(conversation)

    history.remove(conversation.id)
    history.close()

    assert history.find(conversation.id) is None
    history.close()
    assert b"a secret about llamas" not in path.read_bytes()


def test_only_the_owner_can_read_it(path: Path, history: History) -> None:
    history.save(talk(QUESTION))

    modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.glob("chats.db*")}

    assert modes == {0o600}


def test_text_that_is_no_unicode_is_kept_as_far_as_it_is(history: History) -> None:
    conversation = talk(Turn(Role.USER, "half \udcff a letter"))

    history.save(conversation)

    found = history.find(conversation.id)
    assert found is not None
    assert found.turns[0].text == "half ? a letter"


def test_many_threads_save_at_once(history: History) -> None:
    conversations = [talk(QUESTION, ANSWER) for _ in range(8)]
    threads = [threading.Thread(target=history.save, args=[each]) for each in conversations]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {each.id for each in history.all()} == {each.id for each in conversations}


def test_two_histories_share_one_file(path: Path, history: History) -> None:
    other, conversation = History(path), talk(QUESTION)
    history.save(conversation)

    other.save(conversation.with_turn(ANSWER))
    other.close()

    found = history.find(conversation.id)
    assert found is not None
    assert found.turns == (QUESTION, ANSWER)


@pytest.mark.parametrize("content", [b"this is no database at all" * 99, b"SQLite format 3\0oops"])
def test_a_damaged_file_is_said_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(HistoryUnreadable, match=r"chats\.db is damaged") as caught:
        History(path).all()

    assert caught.value.hint
    assert path.read_bytes() == content


def test_a_turn_by_nobody_known_is_damage(path: Path, history: History) -> None:
    conversation = talk(QUESTION)
    history.save(conversation)
    written(path, "UPDATE turn SET role = 'oracle'")

    with pytest.raises(HistoryUnreadable):
        history.find(conversation.id)


def test_a_file_from_a_newer_herd_is_refused(path: Path, history: History) -> None:
    history.save(talk(QUESTION))
    history.close()
    written(path, f"PRAGMA user_version = {SCHEMA + 1}")

    with pytest.raises(HistoryUnreadable, match="newer herd"):
        history.all()


def test_a_file_that_another_program_holds_is_busy(
    path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.history._WAIT", 0.05)
    conversation = talk(QUESTION)
    history.save(conversation)
    history.close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(Busy):
        history.save(conversation)

    holder.close()
    history.save(conversation.with_turn(ANSWER))
    assert history.all()[0].turns == 2


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(CannotWrite):
        History(tmp_path / "file" / "chats.db").save(talk(QUESTION))


def test_a_save_that_fails_changes_nothing(path: Path, history: History) -> None:
    conversation = talk(QUESTION)
    history.save(conversation)
    written(
        path,
        "CREATE TRIGGER refuse BEFORE INSERT ON turn WHEN new.place = 2"
        " BEGIN SELECT RAISE(ABORT, 'no'); END",
    )

    with pytest.raises(HistoryUnreadable):
        history.save(conversation.with_turn(ANSWER).with_turn(QUESTION))

    assert history.find(conversation.id) == conversation


def test_what_an_answer_was_drawn_with_and_what_was_thought_come_back(
    path: Path, history: History
) -> None:
    stamped = replace(
        ANSWER, thought="Hm.", stamp=Stamp(Sampling(temperature=0.5, seed=7), "ab" * 32)
    )
    conversation = replace(
        talk(QUESTION, stamped), sampling=Sampling(top_k=3), is_pinned=True, parent="older"
    )

    history.save(conversation)
    history.close()

    assert History(path).find(conversation.id) == conversation


def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path, history: History) -> None:
    write_first_version(path)

    found = history.find("a")

    assert found
    assert found.turns == (Turn(Role.USER, "Hum?"),)
    history.save(found.with_turn(ANSWER))


def test_the_images_of_a_question_are_kept_by_their_names(history: History) -> None:
    shown = talk(Turn(Role.USER, "What is it?", images=("/a/llama.png", "/a/hay.jpg")), ANSWER)

    history.save(shown)

    assert history.find(shown.id) == shown


def test_pinned_conversations_come_first(history: History) -> None:
    pinned = replace(talk(QUESTION), is_pinned=True, updated_at="2001-01-01T00:00:00+00:00")
    newer = talk(QUESTION)
    for each in (pinned, newer):
        history.save(each)

    assert [summary.id for summary in history.all()] == [pinned.id, newer.id]
    assert history.all()[0].is_pinned
