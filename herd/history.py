"""Conversations that stay: one SQLite file, readable by its owner alone.

A conversation is saved as often as something is said; only the turns that are new or
changed are written. Several herds may have the file open (write-ahead log).
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from herd import history_search
from herd.chat import Conversation, Role, Stamp, Turn
from herd.errors import Busy, CannotWrite, HerdError, HistoryUnreadable, NoRoom
from herd.history_search import Place
from herd.model import Sampling

SCHEMA = 4
"""The version that this herd writes (`PRAGMA user_version`)."""

_TABLES = """
CREATE TABLE conversation (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    model TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE turn (
    conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    model TEXT,
    is_complete INTEGER NOT NULL,
    tokens INTEGER,
    seconds REAL,
    PRIMARY KEY (conversation, place)
) WITHOUT ROWID;
"""
_SECOND = """
ALTER TABLE conversation ADD COLUMN sampling TEXT;
ALTER TABLE conversation ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN parent TEXT;
ALTER TABLE turn ADD COLUMN thought TEXT NOT NULL DEFAULT '';
ALTER TABLE turn ADD COLUMN sampling TEXT;
ALTER TABLE turn ADD COLUMN digest TEXT;
"""
_THIRD = "ALTER TABLE conversation ADD COLUMN revision INTEGER NOT NULL DEFAULT 1"
"""Counts how often it was saved, so that an index knows what it does not have yet."""
_FOURTH = "ALTER TABLE turn ADD COLUMN images TEXT"
_STEPS = (_TABLES, _SECOND, _THIRD, _FOURTH)
"""What brings a file from each version to the next."""
_WAIT = 5.0
"""Seconds to wait for another program that is writing."""

MOST_PLACES = 50
"""Conversations of which a search says where the words stand: more are not seen at once."""
_NOT_WRITABLE = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
)


@dataclass(frozen=True)
class Summary:
    """A conversation as a list shows it."""

    id: str
    title: str
    model: str | None
    updated_at: str
    """ISO 8601, UTC."""
    turns: int
    """How many there are."""
    is_pinned: bool = False
    found: Place | None = None
    """Where what was looked for stands; None where it is the title alone, or was not looked up."""


class History:
    """The conversations of one person. Any thread may call; the file is made when first saved to.

    Every method raises HistoryUnreadable when the file is damaged or from a newer herd,
    Busy when another program holds it for long, CannotWrite and NoRoom as they say.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def save(self, conversation: Conversation) -> None:
        """Keep the conversation as it is now."""
        with self._open() as connection, _written(connection):
            connection.execute(
                "INSERT INTO conversation VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)"
                " ON CONFLICT (id) DO UPDATE SET title = excluded.title, model = excluded.model,"
                " updated_at = excluded.updated_at, sampling = excluded.sampling,"
                " is_pinned = excluded.is_pinned, revision = revision + 1",
                (
                    conversation.id,
                    _storable(conversation.title),
                    conversation.model,
                    conversation.created_at,
                    conversation.updated_at,
                    _written_sampling(conversation.sampling),
                    conversation.is_pinned,
                    conversation.parent,
                ),
            )
            _save_turns(connection, conversation)

    def find(self, id: str) -> Conversation | None:  # noqa: A002  # the field's own name
        """The conversation of this id, None if there is none."""
        if not self._exists():
            return None
        with self._open() as connection:
            row = connection.execute(
                "SELECT sampling, is_pinned, parent, model, title, id, created_at, updated_at"
                " FROM conversation WHERE id = ?",
                (id,),
            ).fetchone()
            if not row:
                return None
            sampling, is_pinned, parent, model, title, _, created_at, updated_at = row
            return Conversation(
                tuple(_turns(connection, id)),
                model,
                title,
                id,
                created_at,
                updated_at,
                sampling=_read_sampling(sampling),
                is_pinned=bool(is_pinned),
                parent=parent,
            )

    def all(self) -> tuple[Summary, ...]:
        """Every conversation without its turns: the pinned ones, then the newest first."""
        return self.search("")

    def search(self, text: str) -> tuple[Summary, ...]:
        """The conversations in whose title and turns every word occurs, in any case.

        Of the first ones of them it is said where.
        """
        if not self._exists():
            return ()
        words = history_search.words_of(text)
        with self._open() as connection:
            where, values = history_search.condition(connection, text)
            rows = connection.execute(
                "SELECT is_pinned, id, title, model, updated_at,"  # noqa: S608  # marks alone
                " (SELECT count(*) FROM turn WHERE conversation = id)"
                f" FROM conversation WHERE {where}"
                " ORDER BY is_pinned DESC, updated_at DESC, rowid DESC",
                values,
            )
            found = [
                Summary(id_, title, model, updated_at, turns, bool(pinned))
                for pinned, id_, title, model, updated_at, turns in rows
            ]
            placed = [
                replace(each, found=history_search.place(_texts(connection, each.id), words))
                for each in found[: MOST_PLACES if words else 0]
            ]
            return (*placed, *found[len(placed) :])

    def remove(self, id: str) -> None:  # noqa: A002
        """Forget a conversation, also on the disk; nothing happens if there is none."""
        if self._exists():
            with self._open() as connection, _written(connection):
                connection.execute("DELETE FROM conversation WHERE id = ?", (id,))
                history_search.forget(connection, id)

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def _exists(self) -> bool:
        return self._connection is not None or self._path.exists()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                yield self._connection
            except (sqlite3.Error, OSError, ValueError) as error:
                raise self._trouble(error) from error

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # SQLite gives its other files the mode of this one
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in ("journal_mode = WAL", "foreign_keys = ON", "secure_delete = ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._migrate(connection)
        except (sqlite3.Error, HerdError):
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        if version > SCHEMA:
            raise HistoryUnreadable(
                f"{self._path} was written by a newer herd.", "Bring this herd up to date."
            )
        if version == SCHEMA:
            return
        with _written(connection):
            for step in _STEPS[_version(connection) :]:  # none, if somebody else was faster
                for statement in step.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")

    def _trouble(self, error: Exception) -> HerdError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Busy(f"{self._path} is held by another program.", "Close it and try again.")
        if code == sqlite3.SQLITE_FULL:
            return NoRoom(f"There is no room to keep conversations in {self._path}.")
        if code in _NOT_WRITABLE or isinstance(error, OSError):
            return CannotWrite(f"{self._path} cannot be opened or written: {error}.")
        return HistoryUnreadable(
            f"{self._path} is damaged: {error}.",
            "Move the file away; herd then begins a new one, without the conversations in it.",
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _written(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _save_turns(connection: sqlite3.Connection, conversation: Conversation) -> None:
    kept = list(_turns(connection, conversation.id))
    rows = [_row(turn) for turn in conversation.turns]
    changed = [
        (conversation.id, place, *row)
        for place, row in enumerate(rows)
        if place >= len(kept) or _row(kept[place]) != row
    ]
    marks = ", ".join("?" * 12)
    connection.executemany(f"INSERT OR REPLACE INTO turn VALUES ({marks})", changed)  # noqa: S608
    connection.execute(
        "DELETE FROM turn WHERE conversation = ? AND place >= ?", (conversation.id, len(rows))
    )


def _row(turn: Turn) -> tuple[object, ...]:
    return (
        str(turn.role),
        _storable(turn.text),
        turn.model,
        turn.is_complete,
        turn.tokens,
        turn.seconds,
        _storable(turn.thought),
        _written_sampling(turn.stamp.sampling) if turn.stamp else None,
        turn.stamp.digest if turn.stamp else None,
        json.dumps(turn.images) if turn.images else None,
    )


def _written_sampling(sampling: Sampling) -> str | None:
    values = {name: value for name, value in asdict(sampling).items() if value is not None}
    return json.dumps(values) if values else None


def _read_sampling(text: str | None) -> Sampling:
    values = json.loads(text) if text else {}
    known = {each.name for each in fields(Sampling)}
    return Sampling(**{name: value for name, value in values.items() if name in known})


def _storable(text: str) -> str:
    """The text as UTF-8 can hold it; a terminal may hand over halves of characters."""
    return text.encode(errors="replace").decode()


def _texts(connection: sqlite3.Connection, conversation: str) -> list[str]:
    rows = connection.execute(
        "SELECT text FROM turn WHERE conversation = ? ORDER BY place", (conversation,)
    )
    return [text for (text,) in rows]


def _turns(connection: sqlite3.Connection, conversation: str) -> Iterator[Turn]:
    for (
        role,
        text,
        model,
        is_complete,
        tokens,
        seconds,
        thought,
        sampling,
        digest,
        images,
    ) in connection.execute(
        "SELECT role, text, model, is_complete, tokens, seconds, thought, sampling, digest,"
        " images"
        " FROM turn WHERE conversation = ? ORDER BY place",
        (conversation,),
    ):
        yield Turn(
            Role(role),
            text,
            model,
            bool(is_complete),
            tokens,
            seconds,
            thought=thought,
            stamp=Stamp(_read_sampling(sampling), digest) if sampling else None,
            images=tuple(json.loads(images)) if images else (),
        )
