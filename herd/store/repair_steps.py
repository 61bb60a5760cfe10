"""Steps of a repair: a blob replaced by a proved one, names and permissions set right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


class RepairSteps:
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
                if _has(installed, sha256):
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
        """Have a blob read-only; one that is another tool's file too is first made herd's own.

        Raises:
            CannotWrite, NoRoom: it is as it was.
        """
        blob = self._blobs.path(sha256)
        with self._alone():
            models = [each for each in self._manifests.all().installed if _has(each, sha256)]
            if self._is_shared(blob, models):
                self._blobs.make_own(sha256)
                for installed in models:
                    self._links.make(installed)
                    self._own(installed, sha256)
            else:
                blob.chmod(READ_ONLY)

    def _is_shared(self, blob: Path, models: Sequence[Installed]) -> bool:
        """Whether the file has names that are not herd's."""
        ours = 1 + sum(self._links.names_of(each, blob) for each in models)
        return blob.is_symlink() or blob.stat().st_nlink > ours

    def _own(self, installed: Installed, sha256: Sha256) -> None:
        """The manifest no longer says that the blob is another tool's."""
        files = tuple(
            replace(file, adopted=None) if file.sha256 == sha256 else file
            for file in installed.files
        )
        if any(file.adopted and file.sha256 == sha256 for file in installed.files):
            papers = self._manifests.papers(installed.reference)
            disk.write_whole(papers.manifest, manifest.write(replace(installed, files=files)))


def _has(installed: Installed, sha256: Sha256) -> bool:
    return any(file.sha256 == sha256 for file in installed.files)
