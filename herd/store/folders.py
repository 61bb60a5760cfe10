"""The folders of a store, and whether they can be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from herd.disk import make_folder, writing
from herd.places import Places


def make(places: Places) -> None:
    """Make the folders of a store where they are not there yet.

    Raises:
        CannotWrite, NoRoom: one cannot be made or written; the message names the store.
    """
    folders = (places.locks, places.staging, places.blobs, places.models, places.manifests)
    with writing(places.store):
        for folder in folders:
            if not _is_writable(folder):
                make_folder(folder)
                _require_writable(folder)


def _is_writable(folder: Path) -> bool:
    """Whether it is a folder and can be written: one question to the system, asked often."""
    return os.access(f"{folder}/.", os.W_OK | os.X_OK)


def _require_writable(folder: Path) -> None:
    if _is_writable(folder):
        return
    flags = os.statvfs(folder).f_flag if hasattr(os, "statvfs") else 0
    code = errno.EROFS if flags & getattr(os, "ST_RDONLY", 1) else errno.EACCES
    raise OSError(code, os.strerror(code), str(folder))
