"""Having the bytes of a file that belongs to another tool: by link, by reflink, by copy.

A hard link shares the file itself: neither its permissions nor its bytes may be touched
through it. A reflink shares the blocks until one of the two is written to.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_READ_ONLY = 0o444
_FICLONE = 0x40049409


class Way(StrEnum):
    """How the bytes are had."""

    HARD_LINK = "hard link"
    """The same file under a second name: no byte more."""
    REFLINK = "reflink"
    """A file of its own that shares the blocks: no byte more."""
    SYMLINK = "symlink"
    """A link to another disk: gone when that is."""
    COPY = "copy"
    """Bytes of its own."""

    @property
    def is_foreign(self) -> bool:
        """Whether the file still is the other tool's."""
        return self in (Way.HARD_LINK, Way.SYMLINK)


@dataclass(frozen=True)
class Had:
    """How bytes are had, and why not in a cheaper way."""

    way: Way
    why: str = ""
    """What the system said to the ways that were tried before; empty where the first worked."""


ANY = (Way.HARD_LINK, Way.REFLINK, Way.SYMLINK, Way.COPY)
"""What to try, the cheapest first."""
OWN = (Way.REFLINK, Way.COPY)
"""What gives the store a file of its own."""


def have(source: Path, target: Path, ways: Sequence[Way]) -> Had:
    """Give the bytes of `source` the new name `target` by the first way that works.

    Raises:
        OSError: none did; there is no target.
    """
    trouble: OSError | None = None
    reasons: list[str] = []
    for way in ways:
        try:
            _DO[way](source, target)
        except OSError as error:
            target.unlink(missing_ok=True)
            trouble = error
            reasons.append(f"{way}: {(error.strerror or str(error)).lower()}")
        else:
            return Had(way, "; ".join(reasons))
    raise trouble or FileNotFoundError(str(source))


def reflink(source: Path, target: Path) -> None:
    """Share the blocks; an OSError where the disk cannot."""
    if sys.platform != "linux":
        raise OSError(0, "this system shares no blocks that herd knows of")
    import fcntl

    with source.open("rb") as read, target.open("xb") as write:
        fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
    target.chmod(_READ_ONLY)


def _hard_link(source: Path, target: Path) -> None:
    target.hardlink_to(source)


def _symlink(source: Path, target: Path) -> None:
    target.symlink_to(source.absolute())


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    opened = os.open(target, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
    target.chmod(_READ_ONLY)


_DO: dict[Way, Callable[[Path, Path], None]] = {
    Way.HARD_LINK: _hard_link,
    Way.REFLINK: reflink,
    Way.SYMLINK: _symlink,
    Way.COPY: _copy,
}
