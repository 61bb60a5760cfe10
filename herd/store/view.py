"""What is in a store: looked at, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from herd import disk
from herd.disk import writing
from herd.errors import CannotWrite
from herd.model import Installed, Reference, Sha256
from herd.places import Places
from herd.store import staging
from herd.store.blobs import Blobs
from herd.store.find import find
from herd.store.hold import Hold, current
from herd.store.links import Links
from herd.store.lock import Lock
from herd.store.manifests import Manifests, Shelf, in_order
from herd.store.staging import Begun
from herd.store.tables import Tables

if TYPE_CHECKING:
    from herd.pieces import Table
    from herd.store.findings import Finding


class View:
    """What is there."""

    def __init__(
        self, places: Places, below: Sequence[View] = (), *, is_chosen: bool = False
    ) -> None:
        """Touches nothing on the disk.

        Args:
            places: The store's.
            below: Stores that are only read: what they have is there too, under this one.
            is_chosen: Whether the person put the store where it is; then it must be there.
        """
        self._places = places
        self._below = tuple(below)
        self._is_chosen = is_chosen
        self._blobs = Blobs(places.blobs, self._alone_here)
        self._tables = Tables(places.pieces)
        self._links = Links(places.models, self._blobs)
        self._manifests = Manifests(places.manifests)

    @property
    def root(self) -> Path:
        """The folder of the store."""
        return self._places.store

    @property
    def staging(self) -> Path:
        """The folder of what is under way."""
        return self._places.staging

    @property
    def is_away(self) -> bool:
        """Whether the store was put where there is none now, as on a drive that was unplugged."""
        return self._is_chosen and not self._places.manifests.is_dir()

    def require_here(self) -> None:
        """Refuse to go on where the store is on a drive that is not there.

        Raises:
            CannotWrite: it is.
        """
        if self.is_away:
            raise CannotWrite(
                f"The store at {self.root} is not there.",
                "Plug its drive in; `herd config store --unset` goes back to herd's own folder.",
            )

    def installed(self) -> tuple[Installed, ...]:
        """Every installed model, of this store and those below, sorted by name and variant."""
        return self.shelf().installed

    def shelf(self) -> Shelf:
        """As `installed`, and which manifests of this store do not read: one look for both."""
        own = self._manifests.all()
        if not self._below:
            return own
        found = {each.reference: each for each in own.installed}
        for view in self._below:
            for each in view.installed():
                found.setdefault(each.reference, each)
        return Shelf(in_order(found.values()), own.damaged)

    def own(self) -> tuple[Installed, ...]:
        """The models of this store alone."""
        return self._manifests.all().installed

    def home_of(self, installed: Installed) -> Path:
        """The folder of the store that a model is in."""
        return self._holder(installed).root

    def damaged(self) -> tuple[Path, ...]:
        """What lies among the manifests and does not read as one."""
        return self._manifests.all().damaged

    def find(self, reference: Reference) -> Installed:
        """The installed model of this name; without a variant, the one installed last.

        Raises:
            NotInstalled: there is none; the hint has the nearest names.
        """
        return find(reference, self.installed())

    def named_exactly(self, reference: Reference) -> Installed | None:
        """The installed model of this name and variant; no other manifest is looked at."""
        own = self._manifests.one(reference)
        lower = (view.named_exactly(reference) for view in self._below)
        return own or next((each for each in lower if each), None)

    def path_of(self, installed: Installed) -> Path:
        """The primary file under its real name; its blob where no link leads to it."""
        holder = self._holder(installed)
        return self._links.primary(installed) if holder is self else holder.path_of(installed)

    def names_of(self, sha256: Sha256) -> tuple[Path, ...]:
        """The names under which models of this store have a file."""
        return tuple(
            self._places.models / model.name / model.variant / file.name
            for model in self.own()
            for file in model.files
            if file.sha256 == sha256
        )

    def blob(self, sha256: Sha256) -> Path:
        """Where the blob of this digest lies or would lie."""
        own = self._blobs.path(sha256)
        if self._below and not own.exists():
            lower = (view.blob(sha256) for view in self._below)
            return next((path for path in lower if path.exists()), own)
        return own

    def lent(self, sha256: Sha256, size: int | None) -> Path | None:
        """Where a store below this one has the blob, of this size; None where none has it."""
        paths = (view.blob(sha256) for view in self._below)
        return next((path for path in paths if _is_of(path, size)), None)

    def has(self, sha256: Sha256, size: int | None) -> bool:
        """Whether the blob is there; under a hold, nobody removes it until the hold ends.

        Args:
            sha256: Its digest.
            size: Bytes that it must have; None if nobody knows.
        """
        path = self._blobs.path(sha256)
        with writing(self._places.store):
            hold = self._hold()
            return (hold is None or hold.claim(path)) and self._blobs.has(sha256, size)

    def named(self, models: Iterable[Installed]) -> list[Finding]:
        """What is wrong with the names of these models, and which names no model has.

        Args:
            models: Those whose names are looked at; names of other installed models are fine.
        """
        from herd.store.proof import names

        asked, everyone = set(models), self.own()
        found = names(everyone, self._places.models, self._links.trouble)
        references = {each.reference for each in asked}
        return [each for each in found if not each.models or references & set(each.models)]

    def unused(self) -> tuple[Path, ...]:
        """Blobs that no manifest names: those of installs that run or were broken off."""
        spare = self._blobs.digests() - self._manifests.digests()
        return tuple(self._blobs.path(each) for each in sorted(spare))

    def begun(self) -> tuple[Begun, ...]:
        """What lies in staging, the largest first."""
        with writing(self._places.staging):
            return staging.begun(self._places.staging)

    def free(self) -> int:
        """Bytes free on the disk where the store is or would be."""
        with writing(self._places.store):
            return disk.free(self._places.store)

    def table(self, sha256: Sha256, size: int) -> Table | None:
        """The piece table of a blob; None when there is none that reads."""
        with writing(self._places.store):
            own = self._tables.of(sha256, size)
        lower = (view.table(sha256, size) for view in self._below)
        return own or next((each for each in lower if each), None)

    def _holder(self, installed: Installed) -> View:
        """The store that a model is in: this one, unless it is only in one below."""
        if self._below and not self._manifests.papers(installed.reference).manifest.exists():
            for view in self._below:
                if view.has_model(installed.reference):
                    return view
        return self

    def has_model(self, reference: Reference) -> bool:
        """Whether a model is in this store."""
        return self._manifests.papers(reference).manifest.exists()

    def _alone_here(self) -> Lock:
        """The lock under which blobs and manifests get their names and lose them."""
        return Lock(self._places.locks / "store.lock", stays=True)

    def _hold(self) -> Hold | None:
        """The hold on this store in which this thread is, if it is in one."""
        return current(self._places.locks)


def _is_of(path: Path, size: int | None) -> bool:
    try:
        return path.is_file() and size in (None, path.stat().st_size)
    except OSError:
        return False
