"""Full-text search over the conversations in an open SQLite file, by FTS5 where it is there.

The index is made when somebody searches, of the conversations that changed since: so an
answer that grows costs nothing beside being kept, and a file of an earlier herd is searched
like any other. It is of trigrams, because those find a part of a word, and words of scripts
that put no space between them. Words of one or two letters, and a SQLite without FTS5, are
looked for in the texts themselves.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from herd.words import one_line

SHORTEST = 3
"""Letters of the shortest word that an index of trigrams finds."""

_BEFORE, _LONGEST = 8, 120
"""Letters of an excerpt before what was looked for, and all of them."""

_INDEXED = """
CREATE TABLE IF NOT EXISTS indexed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL
)
"""
_WORDS = "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'trigram')"
_STALE = (
    "SELECT conversation.id, conversation.revision, title FROM conversation"
    " LEFT JOIN indexed ON indexed.conversation = conversation.id"
    " WHERE indexed.revision IS NOT conversation.revision"
)
_GONE = "SELECT conversation FROM indexed WHERE conversation NOT IN (SELECT id FROM conversation)"
_FOUND = (
    "SELECT conversation FROM indexed WHERE id IN (SELECT rowid FROM words WHERE words MATCH ?)"
)
_AMONG = "id IN (SELECT value FROM json_each(?))"
_IN_TEXT = (
    "NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT instr(lower(title), lower(value))"
    " AND NOT EXISTS (SELECT 1 FROM turn WHERE conversation = conversation.id"
    " AND instr(lower(text), lower(value))))"
)
"""One condition for any number of words: SQLite nests a thousand at most."""


def words_of(text: str) -> list[str]:
    """What a person looks for, word by word, each once."""
    return list(dict.fromkeys(text.replace("\0", " ").encode(errors="replace").decode().split()))


@dataclass(frozen=True)
class Place:
    """Where in a conversation the words stand."""

    turn: int
    """The place of the turn, from 0."""
    excerpt: str
    """What stands around the first of them, on one line."""


def place(turns: Sequence[str], words: Sequence[str]) -> Place | None:
    """The turn in which most of the words occur; None where they stand in the title alone."""
    lines = [one_line(text) for text in turns]
    counts = [sum(word.lower() in line.lower() for word in words) for line in lines]
    best = max(counts, default=0)
    if best == 0:
        return None
    at = counts.index(best)
    found = re.search("|".join(map(re.escape, words)), lines[at], re.IGNORECASE)
    start = max(0, found.start() - _BEFORE) if found else 0
    if found and start:  # at the beginning of a word, where one begins before it
        start = lines[at].find(" ", start - 1, found.start()) + 1 or start
    before = "…" if start else ""
    return Place(at, before + lines[at][start : start + _LONGEST])


def condition(connection: sqlite3.Connection, text: str) -> tuple[str, list[str]]:
    """What holds for the conversations in whose title and turns every word occurs, in any case.

    Returns:
        A condition on the table `conversation`, and its values.
    """
    words = words_of(text)
    long = [word for word in words if len(word) >= SHORTEST]
    found = _found(connection, long) if long else None
    short = words if found is None else [word for word in words if len(word) < SHORTEST]
    conditions = {}
    if short:
        conditions[_IN_TEXT] = json.dumps(short)
    if found is not None:
        conditions[_AMONG] = json.dumps(found)
    return " AND ".join(conditions) or "1", list(conditions.values())


def forget(connection: sqlite3.Connection, conversation: str) -> None:
    """Take a conversation out of the index, also on the disk; without an index nothing happens."""
    if _is_there(connection):
        connection.execute("SAVEPOINT forgotten")
        try:
            _drop(connection, conversation)
            connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        except sqlite3.DatabaseError as error:
            connection.execute("ROLLBACK TO forgotten")
            # Made where SQLite has FTS5: the next search there sees that it is gone.
            if not isinstance(error, sqlite3.OperationalError):
                _unmake(connection)
        connection.execute("RELEASE forgotten")


def _found(connection: sqlite3.Connection, words: Sequence[str]) -> list[str] | None:
    """The conversations that have all of these words, by the index; None where there is none."""
    try:
        if not _is_brought_up_to_date(connection):
            return None
        asked = " AND ".join(_quoted(words))
        return [each for (each,) in connection.execute(_FOUND, (asked,))]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        _unmake(connection)
        return None


def _is_brought_up_to_date(connection: sqlite3.Connection) -> bool:
    """Index what changed; False where this SQLite has no FTS5, or the file takes nothing."""
    try:
        if not _is_there(connection):
            _make(connection)
        connection.execute("SELECT 1 FROM words LIMIT 0")  # fails without FTS5
        gone = [each for (each,) in connection.execute(_GONE)]
        stale = connection.execute(_STALE).fetchall()
        if gone or stale:
            connection.execute("BEGIN IMMEDIATE")
            for each in gone:
                _drop(connection, each)
            for each in stale:
                _index(connection, *each)
            connection.execute("COMMIT")
    except sqlite3.OperationalError:
        return False
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return True


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_INDEXED)
    if not _is_there(connection):  # else somebody else was faster
        connection.execute("DELETE FROM indexed")
        connection.execute(_WORDS)
    connection.execute("COMMIT")


def _unmake(connection: sqlite3.Connection) -> None:
    """Throw an index away that is damaged: the next search makes it anew, of the texts."""
    connection.execute("DROP TABLE IF EXISTS words")
    connection.execute("DROP TABLE IF EXISTS indexed")


def _index(connection: sqlite3.Connection, conversation: str, revision: int, title: str) -> None:
    turns = connection.execute(
        "SELECT text FROM turn WHERE conversation = ? ORDER BY place", (conversation,)
    )
    text = "\n".join([title, *(said for (said,) in turns)])
    text = text.replace("\0", " ")  # FTS5 reads no further than that
    _drop(connection, conversation)
    made = connection.execute(
        "INSERT INTO indexed (conversation, revision) VALUES (?, ?)", (conversation, revision)
    )
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (made.lastrowid, text))


def _drop(connection: sqlite3.Connection, conversation: str) -> None:
    connection.execute(
        "DELETE FROM words WHERE rowid = (SELECT id FROM indexed WHERE conversation = ?)",
        (conversation,),
    )
    connection.execute("DELETE FROM indexed WHERE conversation = ?", (conversation,))


def _is_there(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'words'")
    return bool(found.fetchone()[0])


def _quoted(words: Sequence[str]) -> list[str]:
    """Words as strings of FTS5, which have no operators in them."""
    return ['"' + word.replace('"', '""') + '"' for word in words]
