"""The list of downloads: what was begun and is not done, kept beyond the end of a process.

One SQLite file that every herd on this machine reads and writes. The process that runs
a download owns it and reports how far it is; anybody may write what is wanted of it
(go on, pause, cancel, a limit, a place in the list), and the owner obeys within a second.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from herd.errors import Busy, CannotWrite, HerdError

_WAIT = 5.0
"""Seconds to wait for another herd that is writing."""
_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS download (
    name TEXT PRIMARY KEY, text TEXT NOT NULL, sha256 TEXT, saved_as TEXT, template TEXT,
    is_licence_accepted INTEGER NOT NULL, keeps_original INTEGER NOT NULL,
    wanted TEXT NOT NULL, speed INTEGER, place REAL NOT NULL,
    stage TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER, rate REAL NOT NULL,
    note TEXT NOT NULL, owner INTEGER, owner_since INTEGER
);
CREATE TABLE IF NOT EXISTS upload (name TEXT PRIMARY KEY, speed INTEGER);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value INTEGER);
"""
_COLUMNS = (
    "name, text, sha256, saved_as, template, is_licence_accepted, keeps_original,"
    " wanted, speed, place, stage, done, total, rate, note, owner, owner_since,"
    " (SELECT speed FROM upload WHERE upload.name = download.name)"
)


class Wanted(StrEnum):
    """What the person wants of a download."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Asked:
    """What the person asked for, so that it can be asked for again."""

    text: str
    """A name, an address, a magnet or a path."""
    sha256: str | None = None
    saved_as: str | None = None
    """The name to install under."""
    template: str | None = None
    is_licence_accepted: bool = False
    keeps_original: bool = False


@dataclass(frozen=True)
class Download:
    """One line of the list."""

    name: str
    """The full name of the model."""
    asked: Asked
    wanted: Wanted = Wanted.RUN
    limit: int | None = None
    """Bytes per second, None for no limit of its own."""
    place: float = 0.0
    """The lower, the earlier its turn."""
    stage: str = "waiting"
    """What it does, or did last, in the words of herd.progress.Stage."""
    done: int = 0
    """Bytes."""
    total: int | None = None
    rate: float = 0.0
    """Bytes per second."""
    note: str = ""
    owner: int | None = None
    """The process that runs it."""
    owner_since: int | None = None
    """When that process began, as its system counts; its number may be another one's by now."""
    upload_limit: int | None = None
    """Bytes per second that go out to its swarm, None for no limit of its own."""

    @property
    def is_owned(self) -> bool:
        """Whether a living process runs it."""
        alive = self.owner is not None and _lives(self.owner)
        return alive and self.owner is not None and _since(self.owner) == self.owner_since

    @property
    def is_elsewhere(self) -> bool:
        """Whether a living process runs it that is not this one."""
        return self.is_owned and self.owner != os.getpid()


class Downloads:
    """The list. Any thread may call; the file is made when something is first put in.

    Every method raises Busy when another program holds the file for long, and CannotWrite
    when it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> tuple[Download, ...]:
        """Every download in the order of its turn."""
        if not self._path.exists():
            return ()
        with self._open() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM download ORDER BY place, name")  # noqa: S608  # ours
            return tuple(_read(row) for row in rows)

    def find(self, name: str) -> Download | None:
        """The download of this model."""
        return next((each for each in self.all() if each.name == name), None)

    def put(self, name: str, asked: Asked, wanted: Wanted = Wanted.RUN) -> Download:
        """Put a download in, as this process's own and last in the list; or take it over."""
        with self._open() as connection:
            connection.execute(
                "INSERT INTO download VALUES"
                " (?, ?, ?, ?, ?, ?, ?, ?, NULL,"
                " (SELECT coalesce(max(place), 0) + 1 FROM download),"
                " 'waiting', 0, NULL, 0, '', ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET wanted = excluded.wanted,"
                " owner = excluded.owner, owner_since = excluded.owner_since,"
                " is_licence_accepted = excluded.is_licence_accepted",
                (
                    *(name, asked.text, asked.sha256, asked.saved_as, asked.template),
                    *(asked.is_licence_accepted, asked.keeps_original, wanted.value),
                    *(os.getpid(), _since(os.getpid())),
                ),
            )
        found = self.find(name)
        assert found is not None  # noqa: S101  # it was just put in
        return found

    def want(self, name: str, wanted: Wanted) -> None:
        """Say what is wanted of a download; whoever runs it obeys."""
        self._set("wanted = ?", name, wanted.value)

    def set_limit(self, name: str, limit: int | None) -> None:
        """Limit a download, in bytes per second; None: no limit of its own."""
        self._set("speed = ?", name, limit)

    def set_upload_limit(self, name: str, limit: int | None) -> None:
        """Limit what goes out to the swarm of a download; None: no limit of its own."""
        if self._path.exists():
            with self._open() as connection:
                connection.execute("INSERT OR REPLACE INTO upload VALUES (?, ?)", (name, limit))

    def move(self, name: str, before: str | None) -> None:
        """Put a download before another one, or last."""
        places = [each.place for each in self.all() if each.name != name]
        names = [each.name for each in self.all() if each.name != name]
        at = names.index(before) if before in names else len(names)
        low = places[at - 1] if at > 0 else (places[0] - 2 if places else 0.0)
        high = places[at] if at < len(places) else low + 2
        self._set("place = ?", name, (low + high) / 2)

    def report(self, now: Download) -> None:
        """Say how far a download of this process is."""
        self._set(
            "stage = ?, done = ?, total = ?, rate = ?, note = ?",
            now.name,
            *(now.stage, now.done, now.total, now.rate, now.note),
        )

    def let_go(self, name: str, wanted: Wanted) -> None:
        """This process runs it no more."""
        self._set("owner = NULL, rate = 0, wanted = ?", name, wanted.value)

    def remove(self, name: str) -> None:
        """It is done, or was cancelled."""
        if self._path.exists():
            with self._open() as connection:
                connection.execute("DELETE FROM download WHERE name = ?", (name,))
                connection.execute("DELETE FROM upload WHERE name = ?", (name,))

    @property
    def limit(self) -> int | None:
        """Bytes per second for all downloads together, None: as configured; 0: no limit."""
        return self._setting("limit")

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self._put("limit", limit)

    @property
    def upload_limit(self) -> int | None:
        """The same of what goes out to the swarms of all downloads."""
        return self._setting("upload_limit")

    @upload_limit.setter
    def upload_limit(self, limit: int | None) -> None:
        self._put("upload_limit", limit)

    def _setting(self, name: str) -> int | None:
        if not self._path.exists():
            return None
        with self._open() as connection:
            found = connection.execute("SELECT value FROM setting WHERE name = ?", (name,))
            row = found.fetchone()
            return row[0] if row else None

    def _put(self, name: str, value: int | None) -> None:
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def _set(self, what: str, name: str, *values: object) -> None:
        if self._path.exists():
            with self._open() as connection:
                connection.execute(f"UPDATE download SET {what} WHERE name = ?", (*values, name))  # noqa: S608  # ours

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_WAIT)) as connection:
                connection.executescript(_SCHEMA)
                # Progress is written often; only the next power cut would miss the last of it.
                connection.execute("PRAGMA synchronous = NORMAL")
                with connection:
                    yield connection
        except (sqlite3.Error, OSError) as error:
            raise _trouble(error, self._path) from error


def _trouble(error: Exception, path: Path) -> HerdError:
    if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy("Another program holds the list of downloads.", "Try again in a moment.")
    return CannotWrite(
        f"The list of downloads does not read or write: {error}.",
        f"Remove {path} to begin a new one; no model is lost.",
    )


_FORMS = (
    *(str, str, str | None, str | None, str | None, int, int, str),
    *(int | None, float | int, str, int, int | None, float | int, str),
    *(int | None, int | None, int | None),
)
"""What each column holds; SQLite itself would take anything."""


def _read(row: tuple[object, ...]) -> Download:
    if not all(map(isinstance, row, _FORMS)) or row[7] not in set(Wanted):
        raise sqlite3.DataError("an entry is of another kind than this herd writes")
    name, text, sha256, saved_as, template, accepted, keeps, wanted, *rest = row
    asked = Asked(text, sha256, saved_as, template, bool(accepted), bool(keeps))  # type: ignore[arg-type]  # as the schema says
    return Download(name, asked, Wanted(wanted), *rest)  # type: ignore[arg-type]  # as the schema says


_ENDED = ("Z", "X", "x")
"""States of a process that runs no more (proc(5))."""


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _since(process: int) -> int | None:
    """When a process began, in ticks of its machine; None where nobody says, or it has ended.

    One that was killed and that nobody waits for stays in the list as a zombie.
    """
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in _ENDED else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
