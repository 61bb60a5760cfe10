"""What must follow a change of manifests, as often as it takes.

Settling asks only what the manifest says now and what the papers beside it name, so
it may be broken off anywhere and begun again by anybody.
"""

from __future__ import annotations

from contextlib import suppress

from herd import disk
from herd.model import Installed, Sha256
from herd.store.blobs import Blobs
from herd.store.links import Links
from herd.store.manifests import Manifests, Papers, read
from herd.store.tables import Tables


class Settling:
    """Brings links and blobs in line with the manifests. Every method may raise OSError."""

    def __init__(self, manifests: Manifests, links: Links, blobs: Blobs, tables: Tables) -> None:
        self._manifests = manifests
        self._links = links
        self._blobs = blobs
        self._tables = tables

    def settle(self, papers: Papers) -> int:
        """Give a model its links, take away what it no longer has; bytes freed."""
        if not papers.new.exists() and not papers.gone.exists():
            return 0
        now, new, gone = read(papers.manifest), read(papers.new), read(papers.gone)
        if now:
            with suppress(FileNotFoundError):  # a blob that somebody deleted stays deleted
                self._links.make(now)
        stale = (_names(new) | _names(gone)) - _names(now)
        freed = self._links.remove(papers.reference, sorted(stale))
        disk.remove(papers.new)
        removed = [self._remove(each) for each in sorted(self._spare(_digests(gone)))]
        if None not in removed:
            disk.remove(papers.gone)
            disk.remove_if_empty(papers.gone.parent)
        return freed + sum(each or 0 for each in removed)

    def drop(self, digests: set[Sha256]) -> int:
        """Remove the blobs that no manifest names and no install needs now; bytes freed."""
        return sum(self._remove(each) or 0 for each in sorted(self._spare(digests)))

    def _remove(self, sha256: Sha256) -> int | None:
        freed = self._blobs.remove(sha256)
        if freed is not None:
            self._tables.remove(sha256)
        return freed

    def _spare(self, digests: set[Sha256]) -> set[Sha256]:
        return digests - self._manifests.digests() if digests else digests


def _names(paper: Installed | None) -> set[str]:
    return {file.name for file in paper.files} if paper else set()


def _digests(paper: Installed | None) -> set[Sha256]:
    return {file.sha256 for file in paper.files} if paper else set()
