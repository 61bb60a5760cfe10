"""The same files under their real names, for every other tool."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from herd import disk
from herd.model import Installed, Reference, Sha256
from herd.store.blobs import READ_ONLY, Blobs

_FRESH = ".new"
"""No file of a model has a name that starts with a dot."""


class Links:
    """The named links of a store. Every method may raise OSError."""

    def __init__(self, folder: Path, blobs: Blobs) -> None:
        self._folder = folder
        self._blobs = blobs

    def primary(self, installed: Installed) -> Path:
        """The link of the first file, or its blob where no link leads to that."""
        file = installed.files[0]
        blob = self._blobs.path(file.sha256)
        link = self._of(installed.reference) / file.name
        return link if _is_same(blob, link) else blob

    def trouble(self, installed: Installed, name: str, sha256: Sha256) -> str:
        """Why a name does not lead to its blob; empty if it does.

        A disk without links has copies: such a one is read and must have the digest.
        """
        blob, link = self._blobs.path(sha256), self._of(installed.reference) / name
        if _is_same(blob, link):
            return ""
        if link.is_symlink():
            return "the link leads elsewhere" if link.exists() else "the link leads nowhere"
        if not link.exists():
            return "the link is gone"
        is_right = link.is_file() and disk.digest(link) == sha256
        return "" if is_right else "the name has another file"

    def names_of(self, installed: Installed, blob: Path) -> int:
        """How many of a model's names are hard links to a blob."""
        folder = self._of(installed.reference)
        paths = (folder / file.name for file in installed.files)
        return sum(not path.is_symlink() and _is_same(blob, path) for path in paths)

    def make(self, installed: Installed) -> None:
        """Link every file; a link that leads elsewhere is replaced."""
        folder = self._of(installed.reference)
        disk.make_folder(folder)
        for file in installed.files:
            blob = self._blobs.path(file.sha256)
            if not _is_same(blob, folder / file.name):
                _link(blob, folder / file.name)

    def remove(self, reference: Reference, names: Iterable[str]) -> int:
        """Remove links of a model, and its folders if nothing else lies there; bytes freed."""
        folder = self._of(reference)
        freed = sum(disk.remove(folder / name) for name in (*names, _FRESH))
        disk.remove_if_empty(folder)
        disk.remove_if_empty(folder.parent)
        return freed

    def _of(self, reference: Reference) -> Path:
        return self._folder / reference.name / (reference.variant or "")


def _link(blob: Path, link: Path) -> None:
    fresh = link.with_name(_FRESH)
    disk.remove(fresh)
    try:
        fresh.hardlink_to(blob)
    except FileNotFoundError:
        raise
    except OSError:
        try:
            fresh.symlink_to(os.path.relpath(blob, fresh.parent))
        except OSError:
            shutil.copyfile(blob, fresh)
            fresh.chmod(READ_ONLY)
    disk.replace(fresh, link)


def _is_same(blob: Path, link: Path) -> bool:
    with suppress(OSError):
        return link.samefile(blob)
    return False
