"""Proving what is installed, with no network: bytes against digests, names against bytes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from herd.errors import CannotWrite, NoRoom
from herd.model import Installed, Sha256
from herd.pieces import Table
from herd.store import Store
from herd.store.findings import Finding, Flaw, Report
from herd.store.proof import Work, held, prove


def verify(store: Store, models: Sequence[Installed] | None, work: Work) -> Report:
    """Prove models, or the whole store; blobs that several models have are read once.

    Args:
        store: The store.
        models: Which; None: everything, and what lies around unnamed.
        work: The gauge and the stop.

    Raises:
        Interrupted: the person wants it to end.
        CannotWrite: the store is on a drive that is not there.
    """
    store.require_here()
    own = store.own()
    asked = own if models is None else tuple(models)
    everyone = dict.fromkeys((*own, *asked))
    wanted = {file.sha256 for model in asked for file in model.files}
    loose = store.unused() if models is None else ()
    blobs = [
        each
        for each in held(everyone, store.blob, loose)
        if each.sha256 in wanted or each.size is None
    ]

    def keep(sha256: Sha256, table: Table) -> None:
        # A store that cannot be written is proved all the same; the next proof tries again.
        with suppress(CannotWrite, NoRoom):
            store.keep_table(sha256, table)

    report = prove(blobs, store.table, keep, work)
    around = _around(store) if models is None else ()
    names = [each for each in store.named(asked) if models is None or each.models]
    findings = (*report.findings, *names, *around)
    return replace(report, findings=findings, models=tuple(each.reference for each in asked))


def lacking(store: Store, models: Sequence[Installed]) -> tuple[Installed, ...]:
    """Models that came faster than their pieces could be hashed: the next proof does that.

    A table is of use only where it is of the right bytes, so these are read once more.
    """

    def is_lacking(model: Installed) -> bool:
        return any(store.table(file.sha256, file.size) is None for file in model.files)

    return tuple(filter(is_lacking, models))


def hash_pieces(store: Store, models: Sequence[Installed], work: Work) -> None:
    """Prove models that are `lacking`, which makes their tables.

    Raises:
        Interrupted: the person wants it to end.
        DigestMismatch: the disk has lost bytes of what is still installed.
    """
    report = verify(store, models, work)
    own = {each.reference for each in store.own()}
    left = [each for each in report.findings if not own.isdisjoint(each.models)]
    if trouble := replace(report, findings=tuple(left)).trouble():
        raise trouble


def _around(store: Store) -> tuple[Finding, ...]:
    return tuple(Finding(Flaw.NO_MANIFEST, path) for path in store.damaged())
