"""Proving a store: every blob against its digest, every manifest against its blobs.

Only looks, with one exception: a blob without a piece table that turns out sound gets one.
Blobs are hashed beside each other where the disk gains by it; a disk that turns is read in
one place at a time.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from stat import S_IWGRP, S_IWOTH, S_IWUSR

from herd import disk, proving
from herd.errors import Interrupted
from herd.model import Installed, Reference, Sha256
from herd.pieces import Table, spans
from herd.progress import Gauge, Stage
from herd.store.findings import Finding, Flaw, Report

_WRITABLE = S_IWUSR | S_IWGRP | S_IWOTH


@dataclass(frozen=True)
class Held:
    """A blob, and what is expected of it."""

    path: Path
    sha256: Sha256
    size: int | None
    """Bytes that manifests promise; None for a blob that none names."""
    models: tuple[Reference, ...] = ()
    is_adopted: bool = False
    """Whether it is a file of another tool, whose permissions are not herd's."""


@dataclass(frozen=True)
class Work:
    """What whoever asks for a proof gives with it."""

    gauge: Gauge
    stop: threading.Event

    def took(self, count: int) -> None:
        """Bytes were read.

        Raises:
            Interrupted: the person wants it to end.
        """
        if self.stop.is_set():
            raise Interrupted("Verifying was stopped.", "Nothing was changed.")
        self.gauge.advance(count)


def held(
    installed: Iterable[Installed], path_of: Callable[[Sha256], Path], loose: Iterable[Path] = ()
) -> tuple[Held, ...]:
    """The blobs of these models, each once, and of what no model names."""
    users: dict[Sha256, list[Reference]] = {}
    sizes: dict[Sha256, int] = {}
    adopted: set[Sha256] = set()
    for model in installed:
        for file in model.files:
            users.setdefault(file.sha256, []).append(model.reference)
            sizes[file.sha256] = file.size
            if file.adopted:
                adopted.add(file.sha256)
    named = tuple(
        Held(path_of(each), each, sizes[each], tuple(dict.fromkeys(models)), each in adopted)
        for each, models in users.items()
    )
    return named + tuple(Held(path, Sha256(path.name), None) for path in loose)


def prove(
    blobs: Sequence[Held],
    tables: Callable[[Sha256, int], Table | None],
    keep: Callable[[Sha256, Table], None],
    work: Work,
) -> Report:
    """Read every blob and compare it with what is expected.

    Args:
        blobs: What to read.
        tables: The piece table of a blob.
        keep: Keeps one that was missing.
        work: The gauge and the stop.

    Raises:
        Interrupted: the person wants it to end.
    """
    begun = time.monotonic()
    sizes = {each.sha256: _size(each.path) for each in blobs}
    total = sum(size or 0 for size in sizes.values())
    work.gauge.begin(Stage.VERIFYING, total)
    # The largest first, so that no thread is left alone with it at the end.
    ordered = sorted(blobs, key=lambda each: -(sizes[each.sha256] or 0))
    threads = proving.at_once(blobs[0].path if blobs else None, len(blobs))
    prover = _Prover(tables, keep, work, threads)
    with ThreadPoolExecutor(threads) as pool:
        found = dict(zip([each.sha256 for each in ordered], pool.map(prover, ordered), strict=True))
    findings = tuple(finding for each in blobs for finding in found[each.sha256])
    return Report(findings, len(blobs), total, time.monotonic() - begun)


@dataclass(frozen=True)
class _Prover:
    """Proves one blob after the other, in any thread."""

    tables: Callable[[Sha256, int], Table | None]
    keep: Callable[[Sha256, Table], None]
    work: Work
    threads: int = 1

    def __call__(self, blob: Held) -> tuple[Finding, ...]:
        try:
            return self._prove(blob)
        except FileNotFoundError:
            return (_finding(Flaw.MISSING, blob),)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            return (_finding(Flaw.UNREADABLE, blob, note=reason),)

    def _prove(self, blob: Held) -> tuple[Finding, ...]:
        found = blob.path.stat()
        expected = found.st_size if blob.size is None else blob.size
        table = self.tables(blob.sha256, expected)
        digest, made = self._read(blob, counts=table is None)
        findings = []
        if digest != blob.sha256:
            findings.append(self._damage(blob, found.st_size, expected, table))
        elif made is not None:
            self.keep(blob.sha256, made)
        if not blob.is_adopted and found.st_mode & _WRITABLE:
            findings.append(_finding(Flaw.WRITABLE, blob))
        return tuple(findings)

    def _read(self, blob: Held, *, counts: bool) -> tuple[Sha256, Table | None]:
        """The digest of a file, and its table if that is to be counted, too."""
        if not counts:
            return Sha256(disk.digest(blob.path, self.work.took)), None
        proof = proving.prove(blob.path, self.work.took, self.threads)
        return proof.sha256, proof.table()

    def _damage(self, blob: Held, have: int, expected: int, table: Table | None) -> Finding:
        bad = damaged(blob.path, table, self.work.stop) if table else None
        shared = range(min(have, expected))
        where = tuple(spans(table, bad)) if table and bad is not None else (shared,)
        return Finding(
            Flaw.DAMAGED,
            blob.path,
            blob.sha256,
            tuple(range(each.start, min(each.stop, have)) for each in where if each.start < have),
            missing=max(0, expected - have),
            extra=max(0, have - expected),
            models=blob.models,
        )


def damaged(path: Path, table: Table, stop: threading.Event) -> list[int]:
    """The pieces of a file that are not as its table says, those beyond its end included.

    Raises:
        Interrupted: the person wants it to end.
        OSError: the file.
    """
    bad = []
    buffer = bytearray(min(table.piece_size, table.size))
    with disk.ordinary(path) as stream:
        for piece in range(len(table)):
            if stop.is_set():
                raise Interrupted("Verifying was stopped.", "Nothing was changed.")
            view = memoryview(buffer)[: len(table.span(piece))]
            if not table.is_whole(piece, view[: disk.read_into(stream, view)]):
                bad.append(piece)
    return bad


def _finding(flaw: Flaw, blob: Held, note: str = "") -> Finding:
    return Finding(flaw, blob.path, blob.sha256, models=blob.models, note=note)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def names(
    installed: Iterable[Installed],
    folder: Path,
    leads: Callable[[Installed, str, Sha256], str],
) -> list[Finding]:
    """What is wrong with the names that other tools see.

    Args:
        installed: Every installed model.
        folder: Where the names are.
        leads: Why a name of a model does not lead to a blob; empty if it does.
    """
    findings, known = [], set()
    for model in installed:
        for file in model.files:
            path = folder / model.name / model.variant / file.name
            known.add(path)
            if reason := leads(model, file.name, file.sha256):
                models = (model.reference,)
                findings.append(
                    Finding(Flaw.NO_LINK, path, file.sha256, models=models, note=reason)
                )
    lost = [path for path in _below(folder) if path not in known]
    return findings + [Finding(Flaw.ORPHAN, path) for path in lost]


def _below(folder: Path) -> list[Path]:
    """Everything under a folder that is no folder; links are not followed."""
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        links = (name for name in folders if Path(root, name).is_symlink())
        found += (Path(root, name) for name in (*files, *links))
    return sorted(found)
