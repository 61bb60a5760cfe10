"""What is known of a part beside its bytes: which address gave them, and its validator."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from herd.transfer.carrier import Staged
from herd.transfer.part import writing

SUFFIX = ".http.json"
_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Origin:
    """Where the bytes of a part came from last."""

    url: str
    """As it was configured, not what it redirected to: that may hold a signature."""
    size: int
    """Bytes of the whole file, as that address said."""
    etag: str | None
    """Its strong validator, if it gave one."""


def load(staged: Staged) -> Origin | None:
    """The origin that was noted, None when there is none that reads."""
    try:
        with staged.beside(SUFFIX).open("rb") as stream:
            content = json.loads(stream.read(_LIMIT))
        url, size, etag = content["url"], content["size"], content["etag"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    reads = isinstance(url, str) and type(size) is int and isinstance(etag, str | None)
    return Origin(url, size, etag) if reads else None


def save(staged: Staged, origin: Origin) -> None:
    """Note the origin; a kill leaves the old note or the new one.

    Raises:
        NoRoom, CannotWrite: the disk.
    """
    path = staged.beside(SUFFIX)
    fresh = staged.beside(SUFFIX + ".new")
    with writing(path):
        fresh.write_text(json.dumps(asdict(origin)), encoding="utf-8")
        fresh.replace(path)


def forget(staged: Staged) -> None:
    """Remove the note."""
    with writing(staged.part):
        staged.beside(SUFFIX).unlink(missing_ok=True)
