"""The manifests on the disk, and the two papers beside one while it changes.

<variant>.json        the manifest: the model is installed if and only if this exists
<variant>.json.new    what is being recorded: its links may be there already
<variant>.json.gone   what was removed or replaced: its links and blobs may be there still
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from herd.model import Installed, Reference, Sha256, is_name
from herd.store import manifest
from herd.store.manifest import Unreadable

_MANIFEST = ".json"
_Mark = tuple[int, int, int]
_DIGEST = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True)
class Papers:
    """The paths of one model's manifest and of what lies beside it."""

    reference: Reference
    manifest: Path

    @property
    def new(self) -> Path:
        """What is being recorded."""
        return self.manifest.with_name(self.manifest.name + ".new")

    @property
    def gone(self) -> Path:
        """What was removed or replaced."""
        return self.manifest.with_name(self.manifest.name + ".gone")


@dataclass(frozen=True)
class Shelf:
    """All manifests of a moment."""

    installed: tuple[Installed, ...]
    damaged: tuple[Path, ...]
    """Those that do not read."""


class Manifests:
    """The manifests of a store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[_Mark | None, Installed | None]] = {}

    def papers(self, reference: Reference) -> Papers:
        """The papers of a model, whether they exist or not."""
        return Papers(reference, self._folder / reference.name / f"{reference.variant}{_MANIFEST}")

    def one(self, reference: Reference) -> Installed | None:
        """The model of a name and variant; None when there is no manifest of it that reads."""
        found = read(self.papers(reference).manifest)
        return found if found and found.reference == reference else None

    def all(self) -> Shelf:
        """Every manifest, sorted by name; what is no manifest is set aside."""
        installed, damaged = [], []
        seen: dict[str, tuple[_Mark | None, Installed | None]] = {}
        for folder, path in self._paths():
            if not path.endswith(_MANIFEST):
                continue
            known = self._seen.get(path)
            mark, each = known if known and known[0] == _mark(path) else _read(path)
            if mark:
                seen[path] = (mark, each)
            if each is None or path != f"{folder}/{each.name}/{each.variant}{_MANIFEST}":
                damaged.append(Path(path))
            else:
                installed.append(each)
        self._seen = seen
        return Shelf(in_order(installed), tuple(sorted(damaged)))

    def unsettled(self) -> Iterator[Papers]:
        """The papers of every model that a kill left between two states."""
        for path in sorted(Path(each) for _, each in self._paths()):
            name, variant = path.parent.name, path.name.removesuffix(path.suffix)
            variant = variant.removesuffix(_MANIFEST)
            papers = self.papers(Reference(name, variant))
            if path in (papers.new, papers.gone) and is_name(name) and is_name(variant):
                yield papers

    def digests(self) -> set[Sha256]:
        """Every digest that a manifest names.

        A manifest that does not read may be one of a later herd: any digest in its text
        counts as named, so that its blobs stay.
        """
        shelf = self.all()
        named = {file.sha256 for each in shelf.installed for file in each.files}
        for path in shelf.damaged:
            content = _content(path)[1] or b""
            named |= {Sha256(digest.decode()) for digest in _DIGEST.findall(content)}
        return named

    def _paths(self) -> Iterator[tuple[str, str]]:
        """Every file two levels down, after the folder of all; a thousand Paths would cost more."""
        root = str(self._folder)
        for name in _listed(root):
            folder = f"{root}/{name}"
            for each in _listed(folder):
                yield root, f"{folder}/{each}"


def in_order(installed: Iterable[Installed]) -> tuple[Installed, ...]:
    """Models by name and variant."""
    return tuple(sorted(installed, key=lambda each: (each.name, each.variant)))


def read(path: Path | str) -> Installed | None:
    """The manifest at a path, None when there is none that reads."""
    return _read(path)[1]


def _read(path: Path | str) -> tuple[_Mark | None, Installed | None]:
    """The manifest at a path, and by what the file is known again."""
    mark, content = _content(path)
    if content is None:
        return mark, None
    try:
        return mark, manifest.read(content)
    except Unreadable:
        return mark, None


def _content(path: Path | str) -> tuple[_Mark | None, bytes | None]:
    """The content of an ordinary file, cut just beyond the longest manifest, and its mark."""
    try:
        # A FIFO of this name must not keep herd waiting.
        opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None, None
    try:
        found = os.fstat(opened)
        if not S_ISREG(found.st_mode):
            return None, None
        # One read of what is there; a buffer of the longest manifest takes longer than the rest.
        return _mark_of(found), os.read(opened, min(found.st_size, manifest.LIMIT) + 1)
    except OSError:
        return None, None
    finally:
        os.close(opened)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # a thousand Paths would cost more
    except OSError:
        return []


def _mark(path: str) -> _Mark | None:
    """What changes when a manifest is replaced."""
    try:
        found = os.stat(path)  # noqa: PTH116  # as above
    except OSError:
        return None
    return _mark_of(found)


def _mark_of(found: os.stat_result) -> _Mark:
    return found.st_ino, found.st_size, found.st_mtime_ns
