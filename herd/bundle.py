"""Bundles: installed models as folders that travel, on a stick or over a wire.

    <name>-<variant>/
      herd.json            the manifest; with the tables it is written before the weights, so
      <file>.pieces        that a torn copy says what it lacks
      LICENCE.txt
      registry.yaml        the registry entry, where sources are known
      <file>               the weights under their real names

A bundle that comes from outside is read with distrust: its names may not lead out of it,
its links are no files, and what it says of bytes is believed when the bytes say so too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from stat import S_ISREG

from herd import disk, pieces
from herd.errors import BadUsage, DigestMismatch, Interrupted, NoRoom
from herd.model import Installed, InstalledFile, Licence
from herd.pieces import BadTable, Table
from herd.progress import Gauge, Stage
from herd.registry.entry import entry
from herd.store import Store, manifest
from herd.store.manifest import Unreadable
from herd.store.proof import damaged
from herd.words import size

MANIFEST = "herd.json"
TABLE = ".pieces"
LICENCE = "LICENCE.txt"
REGISTRY = "registry.yaml"

_STEP = 1024 * 1024
_MOST_BUNDLES = 1000
_PART = ".part"
_LONGEST_TABLE = pieces.longest(pieces.PIECE * pieces.MOST_PIECES)


@dataclass(frozen=True)
class Work:
    """What whoever asks gives with it."""

    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)

    def took(self, count: int) -> None:
        """Bytes were moved.

        Raises:
            Interrupted: the person wants it to end.
        """
        if self.stop.is_set():
            raise Interrupted("It was stopped.", "The same command goes on from there.")
        self.gauge.advance(count)


@dataclass(frozen=True)
class Bundle:
    """A bundle as its manifest describes it."""

    folder: Path
    installed: Installed

    def path(self, file: InstalledFile) -> Path:
        """Where its bytes are, if they are there."""
        return self.folder / file.name

    def table(self, file: InstalledFile) -> Table | None:
        """The piece table of a file; None when there is none that can be true."""
        path = self.folder / (file.name + TABLE)
        content = disk.small(path, _LONGEST_TABLE, through_links=False)
        if content is None:
            return None
        try:
            table = pieces.read(content, file.size)
        except BadTable:
            return None
        is_usual = table.piece_size == pieces.piece_size_of(file.size)
        return table if is_usual or table.is_flat else None


def write(store: Store, installed: Installed, folder: Path, work: Work) -> Bundle:
    """Write a model into a folder of its own below `folder`; the same again goes on.

    Raises:
        DigestMismatch: a blob is damaged; what was written is no bundle for it.
        NoRoom, CannotWrite, Interrupted: what was written is kept.
    """
    bundle = Bundle(folder / f"{installed.name}-{installed.variant}", _portable(installed))
    with disk.writing(bundle.folder):
        disk.make_folder(bundle.folder)
        _require_room(bundle)
        for file in installed.files:
            if table := store.table(file.sha256, file.size):
                disk.write_whole(bundle.folder / (file.name + TABLE), pieces.write(table))
        disk.write_whole(bundle.folder / LICENCE, _terms(installed.licence))
        if document := entry(installed):
            disk.write_whole(bundle.folder / REGISTRY, document)
        disk.write_whole(bundle.folder / MANIFEST, manifest.write(bundle.installed))
        work.gauge.begin(Stage.COPYING, installed.size, note=str(bundle.folder))
        for file in installed.files:
            _weights(store, file, bundle, work)
    return bundle


def find(path: Path) -> tuple[Path, ...]:
    """The folders of bundles at a path: the folder itself, or those that lie in it."""
    folders = [path, *sorted(each for each in _entries(path) if not each.is_symlink())]
    return tuple(each for each in folders[:_MOST_BUNDLES] if (each / MANIFEST).is_file())


def read(folder: Path) -> Bundle:
    """The bundle in a folder.

    Raises:
        BadUsage: it says what no bundle may say.
    """
    content = disk.small(folder / MANIFEST, manifest.LIMIT, through_links=False)
    if content is None:
        raise BadUsage(f"{folder / MANIFEST} is no manifest of a bundle.")
    try:
        return Bundle(folder, manifest.read(content))
    except Unreadable as error:
        raise BadUsage(f"{folder / MANIFEST} is refused: {error}.") from error


def bytes_of(bundle: Bundle, file: InstalledFile) -> Path | None:
    """The file of a bundle with the weights; None when it is not there, or is a link."""
    path = bundle.path(file)
    try:
        return path if S_ISREG(path.lstat().st_mode) else None
    except OSError:
        return None


def _portable(installed: Installed) -> Installed:
    """The manifest without what concerns this machine alone."""
    files = tuple(replace(file, sources=(), adopted=None) for file in installed.files)
    return replace(installed, files=files)


def _weights(store: Store, file: InstalledFile, bundle: Bundle, work: Work) -> None:
    """Copy the weights, proving them on the way; a sound copy of an earlier try stays."""
    target, table = bundle.path(file), store.table(file.sha256, file.size)
    if table and _is_of_size(target, file.size) and not damaged(target, table, work.stop):
        work.gauge.advance(file.size)
        return
    fresh = target.with_name(target.name + _PART)
    if copied(store.blob(file.sha256), fresh, work.took) != file.sha256:
        disk.remove(fresh)
        raise DigestMismatch(
            f"{file.name} is damaged in the store, and was not exported.",
            f"`herd repair {bundle.installed.reference}` mends it.",
        )
    disk.fsync(fresh)
    disk.replace(fresh, target)


def copied(source: Path, target: Path, took: Callable[[int], None]) -> str:
    """Copy a file; the sha256 of its bytes in hex.

    Args:
        source: The file.
        target: Written anew.
        took: Told the bytes of each step; what it raises ends the copy.
    """
    import hashlib

    found, buffer = hashlib.sha256(), memoryview(bytearray(_STEP))
    with source.open("rb", buffering=0) as stream, target.open("wb", buffering=0) as copy:
        while count := stream.readinto(buffer) or 0:
            found.update(buffer[:count])
            disk.write_all(copy, buffer[:count])
            took(count)
    return found.hexdigest()


def _require_room(bundle: Bundle) -> None:
    missing = sum(
        file.size
        for file in bundle.installed.files
        if not _is_of_size(bundle.path(file), file.size)
    )
    free = disk.free(bundle.folder)
    if missing > free:
        raise NoRoom(
            f"{bundle.installed.reference} takes {size(missing)} and {size(free)} are free at "
            f"{bundle.folder.parent}.",
            "Free some room, or name another folder.",
        )


def _is_of_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _terms(licence: Licence) -> bytes:
    lines = [f"Licence: {licence.id}", f"Commercial use: {licence.commercial}"]
    lines += [line for line in (licence.url, licence.note) if line]
    if not licence.is_redistributable:
        lines.append("These files may not be given on.")
    return "\n".join(lines).encode() + b"\n"


def _entries(path: Path) -> Iterator[Path]:
    try:
        yield from (each for each in path.iterdir() if each.is_dir())
    except OSError:
        return
