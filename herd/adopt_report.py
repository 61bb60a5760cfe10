"""What came of taking models of other tools over, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from herd.adopt import Adopted
from herd.foreign import Found
from herd.words import size

WORDS = {
    "hard link": "hard link, no byte copied: both names are the same file",
    "reflink": "reflink, no byte copied: both share the blocks on the disk",
    "symlink": "symlink, no byte copied: it is gone when the other file is",
    "copy": "copied",
}
"""How the bytes are had."""


def said(found: Found, adopted: Adopted) -> Iterator[str]:
    """What is installed now, and how the bytes of each file are had and why so."""
    installed = adopted.installed
    if adopted.was_there:
        yield f"{found.name} has the bytes of {installed.reference}, which is installed."
        return
    proof = "verified" if installed.is_verified else "unverified: no registry knows it"
    yield f"Imported {installed.reference} from {found.tool}: {size(found.size)}, {proof}."
    for (name, way), reason in zip(adopted.ways, adopted.reasons, strict=True):
        words = WORDS[str(way)] if way else "the store had these bytes"
        yield f"  {name}: {words}" + (f" ({reason})" if reason else "")
