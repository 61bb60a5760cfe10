"""How sources behaved on this machine: one that failed while it mattered is asked last.

Only the order changes, here and for a while. What a registry says is never edited, and a
source that delivers again is forgiven at once.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from herd.disk import make_folder, write_whole
from herd.errors import HerdError
from herd.model import (
    Choice,
    File,
    HfSource,
    MagnetSource,
    PathSource,
    PypiSource,
    Source,
    TorrentSource,
    UrlSource,
)

DAYS = 7
"""How long a failure counts: sources come back."""
GOOD_DAYS = 90
"""How long it is worth telling that a source was good."""
MOST = 4096
"""Sources that are remembered."""
_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Mark:
    """How a source behaved when it was last asked."""

    why: str
    """One phrase that says what is held against it; empty: it was good."""
    at: float
    """When, in seconds since the epoch."""

    @property
    def is_good(self) -> bool:
        """Whether nothing is held against it."""
        return not self.why


class Ranks:
    """What is remembered of sources; read when it is first needed, kept in one small file."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    def against(self, source: Source) -> Mark | None:
        """What is held against a source, None where nothing is."""
        mark = self._marks().get(key(source))
        return None if mark is None or mark.is_good else mark

    def known(self, sources: Iterable[Source]) -> dict[Source, Mark | None]:
        """How each of the sources behaved when it was last asked; None: it was not."""
        marks = self._marks()
        return {source: marks.get(key(source)) for source in sources}

    def doubted(self, sources: Iterable[Source]) -> tuple[Source, ...]:
        """Those of the sources that are asked last."""
        known = self.known(sources)
        return tuple(source for source, mark in known.items() if mark and not mark.is_good)

    def ordered(self, file: File) -> File:
        """The file with the sources that failed behind the others."""
        doubted = self.doubted(file.sources)
        if not doubted:
            return file
        good = [source for source in file.sources if source not in doubted]
        return replace(file, sources=(*good, *doubted))

    def choice(self, choice: Choice) -> Choice:
        """The choice with its sources in the order in which they will be asked."""
        files = tuple(self.ordered(file) for file in choice.variant.files)
        if files == choice.variant.files:
            return choice
        return replace(choice, variant=replace(choice.variant, files=files))

    def note(self, failed: Iterable[tuple[Source, str]], good: Iterable[Source] = ()) -> None:
        """Remember what failed and forgive what delivered.

        Args:
            failed: Sources, and a phrase that says why.
            good: Sources that delivered or answered as they should.
        """
        before = self._marks()
        now = self._clock()
        marks = {**before, **{key(source): Mark(why, now) for source, why in failed}}
        marks |= {key(source): Mark("", now) for source in good}
        if marks != before:
            self._write(marks)

    def _marks(self) -> dict[str, Mark]:
        now = self._clock()
        try:
            with self._path.open("rb") as stream:
                content = json.loads(stream.read(_LIMIT))
            marks = {str(name): Mark(str(why), float(at)) for name, (why, at) in content.items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}
        days = {True: GOOD_DAYS, False: DAYS}
        return {
            name: mark for name, mark in marks.items() if mark.at > now - days[mark.is_good] * 86400
        }

    def _write(self, marks: dict[str, Mark]) -> None:
        """Keep it; a cache that cannot be written is no trouble."""
        newest = sorted(marks.items(), key=lambda item: -item[1].at)[:MOST]
        content = {name: [mark.why, mark.at] for name, mark in newest}
        with suppress(OSError, HerdError):
            make_folder(self._path.parent)
            write_whole(self._path, json.dumps(content).encode())


def key(source: Source) -> str:
    """What a source is remembered by: a hash, because an address may hold a secret."""
    match source:
        case UrlSource(url):
            text = url
        case HfSource(repo, revision, path):
            text = f"hf {repo} {revision} {path}"
        case PypiSource(requirement, member):
            text = f"pypi {requirement} {member}"
        case MagnetSource():
            text = f"magnet {source.v1} {source.v2}"
        case TorrentSource(location):
            text = f"torrent {location}"
        case PathSource(path):
            text = f"path {path}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
