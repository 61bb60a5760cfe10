"""What is known of a part beside its bytes, kept so that a kill loses next to nothing.

`<part>.http.json` says which bytes are written and which address gave them, and
`<part>.http.log` what was written since (`journal`). Neither waits for the disk: after a
kill the system still has what was written, so both are believed while the machine has not
been started anew. After that only those bytes are believed that were brought to the disk
before the note that vouches for them.

`<part>.http.marks` holds what the file's digest was after each of its pieces, as far as it was
hashed: it tells where a part was damaged between two tries. For a file under repair
`<part>.http.sums` holds the hashes of the pieces themselves, which its table says.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from herd.pieces import Table, longest, piece_size_of
from herd.staging import Staged
from herd.transfer import journal
from herd.transfer.extents import Extents
from herd.transfer.part import writing

SUFFIX = ".http.json"
LOG = ".http.log"
SUMS = ".http.sums"
MARKS = ".http.marks"
_LIMIT = 64 * 1024 * 1024
"""Bytes of a ledger: 100 GB that two slow mirrors gave in turns, a MiB each, take 5 MB."""
_HASH = 32

Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Note:
    """What lies in a part."""

    size: int
    """Bytes of the whole file, as promised or as the first answer said."""
    inode: int
    """Of the part: another file in its place is another story."""
    given: Mapping[str, Spans] = field(default_factory=dict)
    """By address as it was configured, not as it redirected: that may hold a signature."""
    etags: Mapping[str, str] = field(default_factory=dict)
    """Strong validators, by the same addresses."""


def load(staged: Staged, boot: str | None = None) -> Note | None:
    """What was noted and can be believed, None when nothing reads."""
    try:
        path = staged.beside(SUFFIX)
        if path.stat().st_size > _LIMIT:
            return None
        content = json.loads(path.read_bytes())
        return _note(content, boot or boot_id(), staged.beside(LOG))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def begun(staged: Staged) -> int:
    """Bytes that an earlier try left in the part; its length may be that of the whole file."""
    try:
        found = staged.part.stat()
    except OSError:
        return 0
    note = load(staged)
    if note is None or note.inode != found.st_ino:
        return min(found.st_size, getattr(found, "st_blocks", found.st_size // 512 + 1) * 512)
    return sum(stop - start for spans in note.given.values() for start, stop in spans)


def reserved(staged: Staged) -> int:
    """Bytes of disk that the part has already for what is still to come."""
    try:
        found = staged.part.stat()
    except OSError:
        return 0
    return max(0, getattr(found, "st_blocks", 0) * 512 - begun(staged))


@dataclass(frozen=True)
class Run:
    """The lines of a journal that go on from a note."""

    name: str = ""
    givers: Sequence[str] = ()
    """In the order of their numbers."""


def save(
    staged: Staged, note: Note, run: Run, synced: Mapping[str, Spans], *, is_safe: bool = False
) -> None:
    """Note what is written; a kill leaves the old note or the new one.

    Args:
        staged: The part.
        note: What is written now.
        run: What is written from now on.
        synced: The part of `note.given` that was brought to the disk.
        is_safe: Whether the note itself must reach the disk.

    Raises:
        NoRoom, CannotWrite: the disk.
    """
    content = {
        "size": note.size,
        "inode": note.inode,
        "boot": boot_id(),
        "given": note.given,
        "synced": synced,
        "etags": note.etags,
        "run": run.name,
        "givers": list(run.givers),
    }
    fresh = staged.beside(SUFFIX + ".new")
    with writing(fresh):
        with fresh.open("w", encoding="utf-8") as stream:
            json.dump(content, stream)
            if is_safe:
                stream.flush()
                os.fsync(stream.fileno())
        fresh.replace(staged.beside(SUFFIX))


def moved(staged: Staged, part: Path) -> None:
    """The part was copied to another disk, all of it: the note is of that file from now on.

    Args:
        staged: Where the part is to lie; the note lies there already.
        part: The copy, before it has that name.

    Raises:
        NoRoom, CannotWrite: the disk.
    """
    if note := load(staged):
        moved = replace(note, inode=part.stat().st_ino)
        save(staged, moved, Run(), note.given, is_safe=True)


def forget(staged: Staged) -> None:
    """Remove the notes."""
    with writing(staged.part):
        for suffix in (SUFFIX, SUFFIX + ".new", LOG, SUMS, MARKS):
            staged.beside(suffix).unlink(missing_ok=True)


class Sums:
    """32 bytes for each piece of a file, in order, as far as they are known."""

    def __init__(self, staged: Staged, size: int, suffix: str = SUMS) -> None:
        """Read what an earlier try left.

        Args:
            staged: The part.
            size: Bytes of the file.
            suffix: SUMS for the hashes of the pieces, MARKS for what the digest was after each.
        """
        self._path = staged.beside(suffix)
        self._known = bytearray()
        with contextlib.suppress(OSError), self._path.open("rb") as stream:
            self._known += stream.read(longest(size))
        del self._known[len(self._known) // _HASH * _HASH :]

    def __len__(self) -> int:
        return len(self._known) // _HASH

    def get(self, index: int) -> bytes | None:
        """What an earlier try knew of a piece."""
        found = bytes(self._known[index * _HASH : (index + 1) * _HASH])
        return found if any(found) else None  # zeros: a power cut, before it reached the disk

    def put(self, index: int, found: bytes) -> None:
        """Keep what is known of pieces that follow each other.

        Args:
            index: The first of them.
            found: 32 bytes for each.

        Raises:
            NoRoom, CannotWrite: the disk.
        """
        at = index * _HASH
        if self._known[at : at + len(found)] == found or at > len(self._known):
            return
        self._known[at : at + len(found)] = found
        with writing(self._path), self._path.open("r+b" if self._path.exists() else "w+b") as out:
            out.seek(at)
            out.write(found)

    def table(self, size: int) -> Table | None:
        """All of them, where all pieces of a file of so many bytes are known."""
        table = Table(size, piece_size_of(size), bytes(self._known))
        return table if size and len(self._known) == _HASH * len(table) else None

    def drop(self, first: int = 0) -> None:
        """Forget all of them from one on: other bytes are to come.

        Raises:
            CannotWrite: the disk.
        """
        del self._known[first * _HASH :]
        with writing(self._path):
            if not self._known:
                self._path.unlink(missing_ok=True)
            elif self._path.stat().st_size > len(self._known):
                os.truncate(self._path, len(self._known))


def boot_id() -> str:
    """What tells this run of the machine from the one before; empty where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _note(content: object, boot: str, log: Path) -> Note:
    if not isinstance(content, dict):
        raise TypeError
    size, inode = content["size"], content["inode"]
    if type(size) is not int or type(inode) is not int or size < 0:
        raise TypeError
    is_same_run = boot != "" and content["boot"] == boot
    said = content["given"] if is_same_run else content["synced"]
    given = {str(url): _extents(spans, size) for url, spans in said.items()}
    if is_same_run:
        givers = [str(url) for url in content.get("givers", ())]
        for giver, start, stop in journal.read(log, str(content.get("run")), givers, size):
            for other in given.values():
                other.remove(start, stop)
            given.setdefault(giver, Extents()).add(start, stop)
    return Note(
        size,
        inode,
        {url: list(spans) for url, spans in given.items()},
        {str(url): str(etag) for url, etag in content["etags"].items()},
    )


def _extents(content: object, size: int) -> Extents:
    """Ranges inside the file; anything else is an error."""
    if not isinstance(content, list):
        raise TypeError
    found = Extents()
    for start, stop in content:
        if type(start) is not int or type(stop) is not int or not 0 <= start < stop <= size:
            raise ValueError
        found.add(start, stop)
    return found
