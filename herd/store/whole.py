"""Notes on files that nobody promised a digest for, and that came whole.

Without one, a try that a kill broke off after the fetch would have to fetch again: nothing
says that the blob it left is the file that is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from herd import disk
from herd.model import InstalledFile, Sha256, is_file_name, is_sha256

SUFFIX = ".whole"

_LIMIT = 4096


def note(path: Path, file: InstalledFile) -> None:
    """Write what came; may raise OSError."""
    disk.make_folder(path.parent)
    fields = {"name": file.name, "size": file.size, "sha256": file.sha256}
    disk.write_whole(path, json.dumps(fields).encode())


def read(path: Path) -> InstalledFile | None:
    """What came, None if nothing is noted that can be true."""
    try:
        with disk.ordinary(path) as stream:
            fields = json.loads(stream.read(_LIMIT))
        name, size, digest = fields["name"], fields["size"], fields["sha256"]
        is_sound = isinstance(size, int) and size >= 0 and is_file_name(name) and is_sha256(digest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return InstalledFile(name, size, Sha256(digest)) if is_sound else None


def sweep(folder: Path, has: Callable[[Sha256, int], bool]) -> int:
    """Remove the notes on blobs that are gone; bytes freed. May raise OSError."""
    freed = 0
    for path in folder.glob("*" + SUFFIX):
        came = read(path)
        if came is None or not has(came.sha256, came.size):
            freed += disk.remove(path)
    return freed
