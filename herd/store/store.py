"""The store: what is installed, and the only steps by which that changes.

A model is installed if and only if its manifest exists. Recording writes the manifest
last, removing takes it away first, so that a kill between any two steps leaves the
model installed and whole, or not installed; `sweep` clears away what then lies around.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from herd import disk
from herd.disk import Mark, writing
from herd.errors import BadUsage, CannotWrite, NotInstalled
from herd.model import File, Installed, InstalledFile, Reference, Sha256, is_name
from herd.places import Places
from herd.staging import Staged
from herd.staging import discard as discard_staged
from herd.store import adopting, folders, manifest, staging, whole
from herd.store.adopting import Had
from herd.store.hold import POLL, Hold, holding
from herd.store.manifests import read
from herd.store.pruning import Litter, Pruning, digests, remove_orphan, spare
from herd.store.repair_steps import RepairSteps
from herd.store.settle import Settling
from herd.store.staging import Begun
from herd.store.tables import table_of
from herd.store.view import View

if TYPE_CHECKING:
    from herd.pieces import Proven, Table


class Store(View):
    """The store in its places; any number of them may work on one at the same time."""

    def __init__(
        self, places: Places, below: Sequence[View] = (), *, is_chosen: bool = False
    ) -> None:
        """Touches nothing on the disk; folders are made by the first install. As View."""
        super().__init__(places, below, is_chosen=is_chosen)
        self.repair_steps = RepairSteps(self._blobs, self._links, self._manifests, self._alone)
        """The steps of a repair."""
        self._pruning = Pruning(places, self._writing)
        self._settling = Settling(self._manifests, self._links, self._blobs, self._tables)

    def hold(
        self,
        reference: Reference,
        *,
        wait: bool = True,
        while_waiting: Callable[[], None] = lambda: None,
    ) -> AbstractContextManager[None]:
        """Be the only one who works on this model; makes the folders of the store.

        Within it `has` and `commit` keep their blobs from being removed, and `staged`
        gives parts in which nobody else writes. It holds in the thread that entered it.

        Args:
            reference: The model, with its variant.
            wait: Whether to wait while another herd works on it.
            while_waiting: Called ten times a second meanwhile; what it raises ends the wait.

        Raises:
            Busy: another herd works on it, and `wait` is not set.
            CannotWrite, NoRoom: the store, before anything was done.
            BadUsage: the reference is no safe name.
        """
        if not (is_name(reference.name) and is_name(reference.variant or "")):
            raise BadUsage(f"{reference} is not a name that a model can have.")
        self._make_folders()
        return holding(self._places.locks, reference, while_waiting if wait else None)

    def staged(self, file: File, key: str | None = None) -> Staged:
        """Where a file under way lies, the same place at every try.

        Args:
            file: The file; its digest names the part.
            key: What names the part of a file without a digest; by default its first source.

        Raises:
            BadUsage: the file has a digest that is none.
        """
        with writing(self._places.store):
            return staging.staged(self._places.staging, file, key, self._hold())

    def place(self, file: File) -> Staged:
        """Where `staged` and `take` have a file, to be looked at; it becomes nobody's."""
        return staging.staged(self._places.staging, file, None, None)

    def take(self, file: File, while_waiting: Callable[[], None]) -> Staged:
        """Under a hold: be the only one who brings a file, once nobody else does.

        What its model's name is does not matter: a file is fetched once.

        Args:
            file: The file.
            while_waiting: Called ten times a second while another install has it; what it
                raises ends the wait.

        Raises:
            BadUsage: the file has a digest that is none.
        """
        hold, place = self._hold(), self.place(file)
        while hold is not None:
            with writing(self._places.store):
                if hold.take_part(place.part):
                    break
            while_waiting()
            time.sleep(POLL)
        return self.staged(file)

    def leave(self, staged: Staged) -> None:
        """Let others have a file that was taken: it is here."""
        if hold := self._hold():
            hold.leave_part(staged.part)

    def discard(self, staged: Staged) -> None:
        """Remove a part and whatever carriers keep beside it.

        Raises:
            BadUsage: it does not lie in the staging of this store.
            CannotWrite: it cannot be removed.
        """
        if staged.part.parent != self._places.staging:
            raise BadUsage(f"{staged.part} is not under way in this store.")
        discard_staged(staged)

    def whole(self, file: File) -> InstalledFile | None:
        """What a file without a promised digest turned out to be, if its blob is still here."""
        came = whole.read(self._whole(file))
        return came if came and self.has(came.sha256, came.size) else None

    def note_whole(self, file: File, came: InstalledFile) -> None:
        """Remember what a file without a promised digest turned out to be.

        Raises:
            NoRoom, CannotWrite: it is not remembered.
        """
        with self._writing():
            whole.note(self._whole(file), came)

    def forget_whole(self, file: File) -> None:
        """Forget what a file turned out to be; nothing to do where nothing is remembered.

        Raises:
            CannotWrite: the disk.
        """
        with writing(self._places.staging):
            disk.remove(self._whole(file))

    def commit(self, part: Path, sha256: Sha256, size: int, table: Table | None = None) -> Path:
        """Make a verified part a blob; nothing to do where the blob is there already.

        Args:
            part: The file; it is moved.
            sha256: Its digest, which the caller has verified.
            size: Bytes; checked once more.
            table: Its pieces, where whoever verified it hashed them too; kept beside the blob.

        Returns:
            The blob.

        Raises:
            DigestMismatch: the part has another size; it is kept.
            NoRoom, CannotWrite: the part is kept.
        """
        with self._writing(), self._passing() as hold:
            blob = self._blobs.commit(part, sha256, size, hold)
            if table and self._tables.of(sha256, size) is None:
                self.keep_table(sha256, table)
            return blob

    def adopt(
        self, path: Path, proof: Proven, *, copies: bool = False, before: Mark | None = None
    ) -> Had | None:
        """Have the bytes of a file of another tool without changing anything about it.

        Args:
            path: The file; links were followed.
            proof: Of all its bytes.
            copies: Whether bytes of the store's own are wanted.
            before: How the file stood before it was read; by default nobody else writes to it.

        Returns:
            How it was done; None where the blob was there already.

        Raises:
            DigestMismatch: the file was written to or replaced meanwhile.
            NoRoom, CannotWrite: nothing changed.
        """
        ways = adopting.OWN if copies else adopting.ANY
        with self._writing(), self._passing() as hold:
            had = self._blobs.adopt(path, proof.sha256, ways, hold, before)
            table = proof.table()
            if self._tables.of(proof.sha256, table.size) is None:
                self.keep_table(proof.sha256, table)
            return had

    def copy_of(self, sha256: Sha256, part: Path) -> bool:
        """Give a part the bytes of a blob, whatever they are worth; False if it is gone.

        Raises:
            NoRoom, CannotWrite: there is no part.
        """
        with self._writing():
            return self._blobs.copy(sha256, part)

    def keep_table(self, sha256: Sha256, table: Table) -> None:
        """Keep a table that was made from a proved blob, unless the blob is gone.

        Raises:
            CannotWrite, NoRoom: the disk; the blob is as it was.
        """
        with self._alone():
            if self._blobs.has(sha256, table.size):
                self._tables.keep(sha256, table)

    def record(self, installed: Installed, *, hashes_pieces: bool = True) -> None:
        """Make a model installed: link its blobs under their names, write the manifest last.

        A model of the same name and variant is replaced, and what only that one used goes.

        Args:
            installed: The model.
            hashes_pieces: Whether blobs without a table get one; else the next proof does that.

        Raises:
            CannotWrite: a name is not safe, a blob is missing, or the disk; nothing changed.
            NoRoom: nothing changed.
        """
        content = _content(installed)
        papers = self._manifests.papers(installed.reference)
        if hashes_pieces:
            self._require_tables(installed)
        if hold := self._hold():
            hold.require_kept()
        with self._alone():
            self._require_blobs(installed)
            self._settling.settle(papers)
            disk.make_folder(papers.manifest.parent)
            disk.write(papers.new, content)
            if old := read(papers.manifest):
                disk.write(papers.gone, manifest.write(old))
            self._links.make(installed)
            disk.replace(papers.new, papers.manifest)
            self._settling.settle(papers)

    def remove(self, installed: Installed) -> int:
        """Take a model out of the store, and every blob that no other model uses.

        Returns:
            Bytes freed on the disk.

        Raises:
            NotInstalled: it is gone already.
            Busy: another herd works on this model.
            CannotWrite: the disk.
        """
        papers = self._manifests.papers(installed.reference)
        if not papers.manifest.exists():
            if (home := self.home_of(installed)) != self.root:
                raise CannotWrite(
                    f"{installed.reference} is in the store at {home}, which is not yours.",
                    "Whoever keeps this machine can remove it there.",
                )
            raise NotInstalled(f"{installed.reference} is not installed.")
        with self.hold(installed.reference, wait=False), self._alone():
            self._settling.settle(papers)
            disk.replace(papers.manifest, papers.gone)
            return self._settling.settle(papers)

    def drop(self, digests: Iterable[Sha256]) -> int:
        """Remove blobs that no manifest names and no install needs now; bytes freed.

        Raises:
            CannotWrite: the disk.
        """
        with self._alone():
            return self._settling.drop(set(digests))

    def litter(self) -> Litter:
        """What lies there that no installed model needs and nobody works on.

        Raises:
            CannotWrite: the store is on a drive that is not there.
        """
        self.require_here()
        orphans = tuple(each.path for each in self.named(()) if not each.models)
        return Litter(self._pruning.begun(), tuple(map(spare, self.unused())), orphans)

    def alone_with(self, begun: Begun) -> AbstractContextManager[bool]:
        """Be the only one who works on what was begun; False within it if somebody else does."""
        return self._pruning.alone_with(begun)

    def prune(self, litter: Litter) -> int:
        """Take away what is still not needed of what was found; bytes freed.

        Raises:
            CannotWrite: the disk.
        """
        freed = sum(self._pruning.clear(each) for each in litter.begun)
        freed += self.drop(digests(litter.spare))
        known = {each.path for each in self.named(()) if not each.models}
        with self._alone():
            for path in known & set(litter.orphans):
                remove_orphan(path, self._places.models)
        return freed + self.sweep()

    def sweep(self) -> int:
        """Finish what a kill broke off between two states; bytes freed.

        What an install that runs now has seen, committed or staged is left alone, and so
        are blobs that a broken-off install committed: its next try uses them. Old files
        that an installed model was converted from go, where no model keeps them.
        """
        if not self._places.manifests.is_dir():
            return 0
        with self._alone():
            papers = {each.manifest: each for each in self._manifests.unsettled()}
            freed = sum(self._settling.settle(each) for each in papers.values())
            came = {file.sha256 for each in self.own() for file in each.came}
            freed += self._settling.drop(came) + self._blobs.sweep()
            freed += whole.sweep(self._places.staging, self._blobs.has)
            return freed + self._tables.sweep(self._blobs.digests)

    # How

    def _whole(self, file: File) -> Path:
        part = staging.staged(self._places.staging, file, None, None).part
        return part.with_suffix(whole.SUFFIX)

    def make(self) -> None:
        """Make the folders of the store where they are not there yet.

        Raises:
            CannotWrite, NoRoom: one cannot be made or written.
        """
        self._make_folders()

    def _make_folders(self) -> None:
        self.require_here()
        folders.make(self._places)

    @contextmanager
    def _passing(self) -> Iterator[Hold]:
        """The hold in which this thread is, or one for this step alone."""
        hold = self._hold()
        if hold is not None:
            yield hold
            return
        passing = Hold(self._places.locks)
        try:
            yield passing
        finally:
            passing.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The short sections in which manifests and links change, one at a time."""
        with self._writing(), self._alone_here():
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._make_folders()
        with writing(self._places.store):
            yield

    def _require_tables(self, installed: Installed) -> None:
        for file in installed.files:
            with writing(self._places.store):
                has = self._tables.has(file.sha256) or not self._blobs.has(file.sha256, file.size)
                table = None if has else table_of(self._blobs.path(file.sha256))
            if table:
                self.keep_table(file.sha256, table)

    def _require_blobs(self, installed: Installed) -> None:
        for file in installed.files:
            if not self._blobs.has(file.sha256, file.size):
                raise CannotWrite(
                    f"{installed.reference} was not installed: the bytes of {file.name} are gone.",
                    "Run the same command again.",
                )


def _content(installed: Installed) -> bytes:
    try:
        return manifest.write(installed)
    except manifest.Unreadable as error:
        raise CannotWrite(
            f"{installed.reference} cannot be recorded: its manifest would not read: {error}."
        ) from error
