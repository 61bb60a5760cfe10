"""What is under way: where a part lies, and what earlier tries left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from stat import S_IWUSR

from herd.errors import BadUsage
from herd.model import (
    File,
    HfSource,
    MagnetSource,
    PathSource,
    PypiSource,
    Source,
    TorrentSource,
    UrlSource,
    is_sha256,
)
from herd.staging import Staged
from herd.store.hold import Hold

_PART = ".part"


@dataclass(frozen=True)
class Begun:
    """A file that was begun and not committed."""

    staged: Staged
    size: int
    """Bytes of disk that its part and everything beside it take."""


def staged(folder: Path, file: File, key: str | None, hold: Hold | None) -> Staged:
    """The place of a file under way; under a hold, one in which nobody else writes.

    Raises:
        BadUsage: the file names a digest that is none.
    """
    name = _name(file, key)
    if hold is None:
        return Staged(folder / f"{name}{_PART}")
    part = next(part for part in _places(folder, name) if hold.take_part(part))
    if part.exists():
        # A kill between the last two steps of a commit leaves it read-only.
        part.chmod(part.stat().st_mode | S_IWUSR)
    return Staged(part)


def begun(folder: Path) -> tuple[Begun, ...]:
    """What lies in staging, the largest first."""
    sizes: dict[str, int] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        stem, part, _ = path.name.partition(_PART)
        if not part:
            continue  # a paper of a few bytes
        name = stem + part
        sizes[name] = sizes.get(name, 0) + _weight(path)
    found = (Begun(Staged(folder / name), size) for name, size in sizes.items())
    return tuple(sorted(found, key=lambda each: (-each.size, each.staged.part.name)))


def _places(folder: Path, name: str) -> Iterator[Path]:
    """Two models may hold the same file: whoever comes second writes a part of its own."""
    yield folder / f"{name}{_PART}"
    for number in count(2):
        yield folder / f"{name}.{number}{_PART}"


def _name(file: File, key: str | None) -> str:
    if file.sha256 is None:
        import hashlib  # drags OpenSSL in, and a list of models needs no digest

        text = key or "\n".join([file.name, *(_address(each) for each in file.sources[:1])])
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()
    if not is_sha256(file.sha256):
        raise BadUsage(f"{file.name} has a digest that is no sha256.")
    return file.sha256


def _address(source: Source) -> str:
    """The text by which a source is known again, however else it is described."""
    match source:
        case UrlSource(url):
            return url
        case HfSource():
            return source.url()
        case PypiSource(requirement, member):
            return f"{requirement}#{member}"
        case MagnetSource():
            return source.v2 or source.v1 or ""
        case TorrentSource(location):
            return location
        case PathSource(path):
            return path


def _weight(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(_weight(each) for each in path.iterdir())
    found = path.lstat()
    # A part may have holes; Windows does not say how many blocks it has.
    return min(found.st_size, getattr(found, "st_blocks", found.st_size // 512 + 1) * 512)
