"""Taking over models that other tools keep here, with no byte copied where a link will do.

Every file is read once: its digest says whether a registry knows it, and its header says
the rest. All files of a model are taken over or none. Nothing of the other tool changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from herd import disk, gguf_header, proving
from herd.chat import now
from herd.disk import Mark
from herd.errors import BadUsage, CannotRun, CannotWrite, DigestMismatch, HerdError, Interrupted
from herd.foreign import Found, FoundFile
from herd.gguf_header import BadHeader, Header
from herd.licences import licence
from herd.model import (
    File,
    Format,
    Installed,
    InstalledFile,
    Model,
    Sha256,
    is_file_name,
    is_name,
)
from herd.naming import line, named, slug
from herd.pieces import Proven
from herd.progress import Gauge, Stage
from herd.proving_pool import WORTH, Provers
from herd.record import LONGEST, described, with_header
from herd.registry.catalogue import with_digests
from herd.store import Store
from herd.store.adopting import Way

Prove = Callable[[Path, Callable[[int], None]], Proven]
"""Reads a file from end to end, and says how far it is."""


@dataclass(frozen=True)
class Asked:
    """What is to be taken over, and how."""

    found: Found
    name: str | None = None
    """The name to install under; by default the registry's, else the tool's."""
    copies: bool = False
    """Whether bytes of the store's own are wanted."""
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Adopted:
    """A model that was taken over."""

    installed: Installed
    ways: tuple[tuple[str, Way | None], ...] = ()
    """How the bytes of each file are had; None where the store had them already."""
    reasons: tuple[str, ...] = ()
    """For each file, what the system said to the cheaper ways."""
    was_there: bool = False


@dataclass(frozen=True)
class _Read:
    """A file after all of it was read."""

    file: FoundFile
    proof: Proven
    header: Header | None
    before: Mark
    """How it stood before that."""

    @property
    def sha256(self) -> Sha256:
        return self.proof.sha256


class Echo(Gauge):
    """A gauge of one model that moves the one of all."""

    def __init__(self, all_of_them: Gauge) -> None:
        super().__init__()
        self._all = all_of_them

    def advance(self, count: int) -> None:
        """Here and there."""
        super().advance(count)
        self._all.advance(count)


class Adopter:
    """Takes models over into a store."""

    def __init__(self, store: Store, models: Callable[[], Iterable[Model]]) -> None:
        """Reads nothing.

        Args:
            store: The store.
            models: What registries offer.
        """
        self._store = store
        self._models = models

    def adopt(self, asked: Asked) -> Adopted:
        """Take a model over.

        Raises:
            CannotRun: it is no GGUF model, or not all of it is there; nothing changed.
            DigestMismatch: a file is not what its tool says, or changed meanwhile.
            CannotWrite, NoRoom, Busy, Interrupted: nothing is installed.
            BadUsage: the name is taken by other bytes.
        """
        threads = proving.at_once(next(_paths([asked]), None), len(asked.found.files))

        def prove(path: Path, took: Callable[[int], None]) -> Proven:
            return proving.prove(path, took, threads)

        return self._adopt(asked, _read_all(asked, prove))

    def _adopt(self, asked: Asked, read: Sequence[_Read]) -> Adopted:
        installed = self._described(asked, read)
        if there := self._there(read):
            return Adopted(there, was_there=True)
        asked.gauge.begin(Stage.INSTALLING)
        with self._store.hold(installed.reference, while_waiting=lambda: _check(asked.stop)):
            self._require_free_name(installed)
            return self._take(asked, installed, read)

    def _there(self, read: Sequence[_Read]) -> Installed | None:
        """The installed model of exactly these bytes; where one lacks its blob, it is none."""
        wanted = {each.sha256 for each in read}
        if not all(self._store.blob(sha256).exists() for sha256 in wanted):
            return None  # and a hundred models need not look into a hundred manifests each
        same = (each for each in self._store.installed() if each.digests == wanted)
        return next(same, None)

    def adopt_each(
        self, asked: Sequence[Asked], gauge: Gauge, stop: threading.Event
    ) -> Iterator[tuple[Asked, Adopted | HerdError]]:
        """Take several models over, beside each other where the disk gains by it.

        Args:
            asked: The models; each has a gauge of its own.
            gauge: Shows how far all of them are.
            stop: Ends all of them.

        Returns:
            Each model as asked, and what came of it: one's trouble is not the others'.

        Raises:
            Interrupted: `stop` was set.
        """
        size = sum(each.found.size for each in asked)
        gauge.begin(Stage.VERIFYING, size)
        threads = proving.at_once(next(_paths(asked), None), len(asked))
        provers = Provers(threads, are_processes=threads > 1 and size >= WORTH)

        def read(each: Asked) -> list[_Read] | HerdError:
            try:
                return _read_all(replace(each, gauge=Echo(gauge), stop=stop), provers.prove)
            except Interrupted:
                raise
            except HerdError as error:
                return error

        # They are read beside each other and taken over in order: of two that are the same
        # the first one gives the name.
        with provers, ThreadPoolExecutor(threads) as pool:
            for each, came in zip(asked, pool.map(read, asked), strict=True):
                yield each, self._outcome(replace(each, stop=stop), came)

    def _outcome(self, asked: Asked, came: list[_Read] | HerdError) -> Adopted | HerdError:
        try:
            return came if isinstance(came, HerdError) else self._adopt(asked, came)
        except Interrupted:
            raise
        except HerdError as error:
            return error

    def _take(self, asked: Asked, installed: Installed, read: Sequence[_Read]) -> Adopted:
        ways: list[tuple[str, Way | None]] = []
        reasons: list[str] = []
        files = []
        for file, each in zip(installed.files, read, strict=True):
            had = self._store.adopt(
                each.file.path, each.proof, copies=asked.copies, before=each.before
            )
            way = had.way if had else None
            ways.append((file.name, way))
            reasons.append(had.why if had else "")
            files.append(replace(file, adopted=self._whose(each, way)))
        installed = replace(installed, files=tuple(files))
        self._store.record(installed)
        return Adopted(installed, tuple(ways), tuple(reasons))

    def _whose(self, read: _Read, way: Way | None) -> str | None:
        """The file of another tool that the blob is; None if it is the store's own.

        A kill between the link and the manifest leaves a blob that is theirs and of which no
        manifest says so.
        """
        if way is not None:
            return str(read.file.path) if way.is_foreign else None
        blob = self._store.blob(read.sha256)
        if _identity(blob) == _identity(read.file.path):
            return str(read.file.path)
        files = (file for each in self._store.own() for file in each.files)
        return next((each.adopted for each in files if each.sha256 == read.sha256), None)

    def _described(self, asked: Asked, read: Sequence[_Read]) -> Installed:
        """What the manifest is to say: the registry's words where it knows the bytes."""
        digests = [each.sha256 for each in read]
        known = with_digests(self._models(), digests, may_be_more=True)
        if known and asked.name is None:
            files = _files(read, known.variant.files)
            return described(known.model, known.variant, files, asked.found.tool)
        return self._of_tool(asked, read, known.variant.files if known else ())

    def _of_tool(
        self, asked: Asked, read: Sequence[_Read], known: Sequence[File] = ()
    ) -> Installed:
        """What the manifest is to say under a name of the tool's or the person's.

        Args:
            asked: The model.
            read: Its files.
            known: The files of a registry that vouches for these bytes under another name.
        """
        name, variant = name_of(asked.found, read[0].header)
        name = asked.name or name
        taken = {each for model in self._models() for each in (model.name, *model.aliases)}
        if asked.name is None and name in taken:
            name = f"{name}-{slug(asked.found.tool)}"[:64]
        if not is_name(name) or not is_name(variant):
            raise BadUsage(
                f"No name for a model can be made of {asked.found.name!r}.", "Add --as NAME."
            )
        installed = Installed(
            name=name,
            variant=variant,
            title=line(asked.found.name, LONGEST),
            format=Format.GGUF,
            files=_files(read, known),
            installed_at=now(),
            source=asked.found.tool,
            is_verified=bool(known),
            licence=licence(None),
            stop=asked.found.stop,
            sampling=asked.found.sampling,
        )
        header = read[0].header
        return with_header(installed, header) if header else installed

    def _require_free_name(self, installed: Installed) -> None:
        has = self._store.named_exactly(installed.reference)
        if has and has.digests != installed.digests:
            raise BadUsage(
                f"{installed.reference} is installed already, with other bytes.",
                "Add --as NAME to import it under another name.",
            )


def name_of(found: Found, header: Header | None = None) -> tuple[str, str]:
    """The name and the variant that a tool's name comes to."""
    last = PurePosixPath(found.name).name
    if found.variant is not None:
        return slug(last.rpartition(":")[0] or last), slug(found.variant)
    called = named(last)
    said = called.quantisation or (header.quantisation if header else None)
    return slug(called.stem), slug(said or "file")


def same_bytes(found: Sequence[Found], store: Store) -> dict[int, str]:
    """For each model found, by its place in the row, whose bytes it has.

    Only what is certain without reading: the same file on the disk, or the digest that two
    tools say for it.
    """
    known: dict[object, str] = {}
    for installed in store.installed():
        sha256 = installed.files[0].sha256
        for key in (sha256, _identity(store.blob(sha256))):
            known.setdefault(key, str(installed.reference))
    known.pop(None, None)
    said: dict[int, str] = {}
    for at, each in enumerate(found):
        if not each.files:
            continue
        file = each.files[0]
        keys = [key for key in (_identity(file.path), file.sha256) if key is not None]
        if first := next((known[key] for key in keys if key in known), None):
            said[at] = first
        for key in keys:
            known.setdefault(key, f"{each.tool} {each.name}")
    return said


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _paths(asked: Sequence[Asked]) -> Iterator[Path]:
    return (file.path for each in asked for file in each.found.files)


def _read_all(asked: Asked, prove: Prove) -> list[_Read]:
    """Read every file, several beside each other where the disk gains by it.

    Raises:
        CannotRun: it is no GGUF model, or not all of it is there.
        DigestMismatch: a file is not what its tool says.
        CannotWrite, Interrupted: it was not read.
    """
    found, files = asked.found, asked.found.files
    if found.trouble or not files:
        reason = found.trouble or "it has no files"
        raise CannotRun(f"{found.name} cannot be imported: {reason}.")
    asked.gauge.begin(Stage.VERIFYING, asked.found.size, note=asked.found.tool)
    threads = proving.at_once(files[0].path, len(files))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda file: _read(file, asked, prove), files))


def _read(file: FoundFile, asked: Asked, prove: Prove) -> _Read:
    def took(count: int) -> None:
        _check(asked.stop)
        asked.gauge.advance(count)

    try:
        before = disk.mark(file.path)
        header = gguf_header.read_file(file.path)
        if lack := header.lack(file.size):
            raise CannotRun(f"{file.path} is cut short: {lack}.", "Fetch it again.")
        proof = prove(file.path, took)
    except BadHeader as error:
        raise CannotRun(f"{file.path} is no GGUF model: {error}.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CannotWrite(f"{file.path} cannot be read: {reason}.") from error
    if file.sha256 not in (None, proof.sha256):
        raise DigestMismatch(
            f"{file.path} is damaged: {asked.found.tool} calls it {str(file.sha256)[:12]}… "
            f"and its bytes have {proof.sha256[:12]}….",
            "Nothing was imported; fetch it again.",
        )
    return _Read(file, proof, header, before)


def _files(read: Sequence[_Read], known: Sequence[File]) -> tuple[InstalledFile, ...]:
    """The files under safe names of their own: the registry's where it knows the bytes."""
    registered = {file.sha256: file for file in known if file.sha256}
    files: list[InstalledFile] = []
    for number, each in enumerate(read, 1):
        entry = registered.get(each.sha256)
        name = entry.name if entry else each.file.name
        if not is_file_name(name) or any(name.casefold() == one.name.casefold() for one in files):
            name = f"file-{number}.gguf"
        sources = entry.sources if entry else ()
        files.append(InstalledFile(name, each.file.size, each.sha256, sources))
    return tuple(files)


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Interrupted("Importing was stopped.", "Nothing was changed.")
