"""Mending what a proof found: a blob replaced by a proved one, names and permissions set right."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from herd import disk
from herd.errors import DigestMismatch
from herd.model import Installed, Sha256
from herd.store import manifest
from herd.store.blobs import READ_ONLY, Blobs
from herd.store.links import Links
from herd.store.manifests import Manifests


class Mending:
    """The steps that repair takes on a store."""

    def __init__(
        self,
        blobs: Blobs,
        links: Links,
        manifests: Manifests,
        alone: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Touches nothing.

        Args:
            blobs: The blobs of the store.
            links: Its names for other tools.
            manifests: Its manifests.
            alone: Within it nobody else changes any of them; puts the system's errors in words.
        """
        self._blobs = blobs
        self._links = links
        self._manifests = manifests
        self._alone = alone

    def replace(self, part: Path, sha256: Sha256, size: int) -> None:
        """Put a proved file in the place of a damaged blob; its names lead to it again.

        A file of another tool that shared the damaged bytes is left as it is: the blob is
        herd's own from now on.

        Args:
            part: The file; it is moved.
            sha256: Its digest, which the caller has verified.
            size: Bytes; checked once more.

        Raises:
            DigestMismatch: the part has another size; it is kept.
            NoRoom, CannotWrite: the damaged blob is as it was.
        """
        if part.is_symlink() or part.stat().st_size != size:
            raise DigestMismatch(
                f"{part.name} changed after it was verified.", "Run the same command again."
            )
        with self._alone():
            disk.fsync(part)
            part.chmod(READ_ONLY)
            disk.replace(part, self._blobs.path(sha256))
            for installed in self._manifests.all().installed:
                if any(file.sha256 == sha256 for file in installed.files):
                    self._links.make(installed)
                    self._own(installed, sha256)

    def link(self, installed: Installed) -> None:
        """Make the names of a model lead to its blobs.

        Raises:
            CannotWrite, NoRoom: the disk.
        """
        with self._alone():
            self._links.make(installed)

    def protect(self, sha256: Sha256) -> None:
        """Make a blob read-only that is herd's own.

        Raises:
            CannotWrite: it belongs to somebody else.
        """
        with self._alone():
            self._blobs.path(sha256).chmod(READ_ONLY)

    def _own(self, installed: Installed, sha256: Sha256) -> None:
        """The manifest no longer says that the blob is another tool's."""
        files = tuple(
            replace(file, adopted=None) if file.sha256 == sha256 else file
            for file in installed.files
        )
        if any(file.adopted and file.sha256 == sha256 for file in installed.files):
            papers = self._manifests.papers(installed.reference)
            disk.write_whole(papers.manifest, manifest.write(replace(installed, files=files)))
