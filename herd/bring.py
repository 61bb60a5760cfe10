"""One install, by the only one who works on its model: fetch, convert, commit, record.

The manifest is written last. What a kill leaves before that is used by the next try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from herd import disk, gguf_header, legacy, proving
from herd.convert import Made, Old, check, convert, taught
from herd.errors import (
    CannotRun,
    DigestMismatch,
    HerdError,
    Interrupted,
    LegacyDamaged,
    LegacyRefused,
)
from herd.gguf_header import BadHeader
from herd.model import (
    Choice,
    File,
    Format,
    Installed,
    InstalledFile,
    PathSource,
    Sha256,
    Variant,
    is_file_name,
)
from herd.order import Order
from herd.plan import Keep, Plan, Read, Step, is_of_format
from herd.progress import Stage
from herd.ranks import Ranks
from herd.record import described, with_header
from herd.staging import Staged
from herd.store import Store
from herd.transfer import Fetched, Transfer, begun, describe

Known = Callable[[Sequence[Sha256 | None]], Choice | None]
"""What a registry offers whose files have these digests."""
FETCHED_BY_ANOTHER = "another model that is being installed has the same file"
HOPELESS = (LegacyRefused, LegacyDamaged, DigestMismatch)
"""What is wrong with bytes that no second try will convert."""


@dataclass(frozen=True)
class _Here:
    """A file that is here: a blob, or where the person has it."""

    path: Path
    name: str
    size: int
    sha256: Sha256 | None
    """None for a file of the person's own that nobody promised a digest for."""
    format: Format
    adopted: str | None = None
    """The file of another store whose bytes it is."""


class Work:
    """One install, by the only one who works on this model."""

    def __init__(
        self, store: Store, transfer: Transfer, order: Order, ranks: Ranks | None, known: Known
    ) -> None:
        self._ranks = ranks
        self._known = known
        self._store = store
        self._transfer = transfer
        self._order = order
        self._has_waited = False
        self.fetched: list[Fetched] = []
        self.unwanted: set[Sha256] = set()
        """Blobs that nothing names: of ggml files that were converted, or refused."""
        self.warnings: tuple[str, ...] = ()

    def bring(self, planned: Plan) -> Installed:
        """Have every file here, convert what is old, record.

        Raises:
            HerdError: as `Installer.install`.
        """
        here = [self._have(step) for step in planned.steps]
        made: Made | None = None
        if any(each.format is Format.GGML for each in here):
            made = self._convert(here)
        order = self._order
        order.gauge.begin(Stage.INSTALLING)
        installed = self._recognised(_manifest(order, here, made, self.fetched), here)
        if not installed.is_verified:
            self.warnings += tuple(_odd(here))
        self._store.record(installed, hashes_pieces=False)
        for file in order.choice.variant.files:
            self._store.forget_whole(file)
        return installed

    def _recognised(self, installed: Installed, here: Sequence[_Here]) -> Installed:
        """What the person brought without a promise, verified if a registry promises its bytes."""
        if installed.is_verified or not (same := self._known([each.sha256 for each in here])):
            return installed
        self.warnings += (
            f"Its bytes are those of {same.reference}, which a registry vouches for.",
        )
        return replace(installed, is_verified=True)

    def _have(self, step: Step) -> _Here:
        match step:
            case Keep(file, kept) if not self._store.has(kept.sha256, kept.size):
                return self._borrow(kept) or self._fetch(file)
            case Keep(_, kept):
                path = self._store.blob(kept.sha256)
                return _Here(path, kept.name, kept.size, kept.sha256, _format(path))
            case Read(file, where):
                path = Path(where)
                return _Here(path, file.name, _size(path), file.sha256, Format.GGML)
            case _:
                return self._fetch(step.file)

    def _borrow(self, file: InstalledFile) -> _Here | None:
        """Have a blob of the machine's store here too, by link where that works.

        Returns:
            None where no store below has it, or where it is damaged there.

        Raises:
            NoRoom, CannotWrite, Interrupted: nothing changed.
        """
        order, path = self._order, self._store.lent(file.sha256, file.size)
        if path is None:
            return None
        order.gauge.begin(Stage.VERIFYING, file.size, note=file.name)

        def took(count: int) -> None:
            if order.stop.is_set():
                raise Interrupted("It was stopped.", "The same command goes on from there.")
            order.gauge.advance(count)

        try:
            before = disk.mark(path)
            proof = proving.prove(path, took)
        except OSError:
            return None
        if proof.sha256 != file.sha256:
            order.gauge.note(f"{path} is damaged; it is fetched")
            return None
        had = self._store.adopt(path.resolve(), proof, before=before)
        theirs = str(path) if had and had.way.is_foreign else None
        blob = self._store.blob(file.sha256)
        return _Here(blob, file.name, file.size, file.sha256, _format(blob), theirs)

    def _fetch(self, file: File) -> _Here:
        self._has_waited = False
        staged = self._store.take(file, lambda: self._wait(file))
        order = self._order
        if came := self._came_meanwhile(file):
            self._store.leave(staged)
            path = self._store.blob(came.sha256)
            return _Here(path, came.name, came.size, came.sha256, _format(path))
        doubted = self._ranks.doubted(file.sources) if self._ranks else ()
        fetched = self._transfer.fetch(file, staged, order.gauge, order.stop, order.budget, doubted)
        if self._ranks:
            # A carrier may name others: web seeds that only a .torrent knows.
            bad = [each for each in fetched.troubles if each[0] in file.sources]
            self._ranks.note(bad, [share.source for share in fetched.shares])
        found = _format(staged.part)
        if trouble := _no_model(staged.part, found, self._order.choice, file):
            self._store.discard(staged)
            raise trouble
        self.fetched.append(fetched)
        came = _came(file, fetched)
        if found is Format.GGML and file.sha256 is None:
            self._store.note_whole(file, came)
        table = fetched.delivery.table
        self._store.commit(staged.part, came.sha256, came.size, table)
        self._store.discard(staged)
        if file.sha256:  # else whoever waits for it is told by the manifest what it is
            self._store.leave(staged)
        path = self._store.blob(came.sha256)
        return _Here(path, came.name, came.size, came.sha256, found)

    def _wait(self, file: File) -> None:
        """Show how far another model's install is with this file.

        Raises:
            Interrupted: the person does not want to wait.
        """
        order = self._order
        if order.stop.is_set():
            raise Interrupted(f"Waiting for {file.name} was stopped.")
        done = begun(self._store.place(file))
        if self._has_waited:
            order.gauge.move_to(done)
        else:
            order.gauge.begin(Stage.WAITING, file.size, done, FETCHED_BY_ANOTHER)
        self._has_waited = True

    def _came_meanwhile(self, file: File) -> InstalledFile | None:
        """What another model's install brought since the plan was made, if it is this file."""
        digest = file.sha256
        if digest and self._store.has(digest, file.size):
            size = file.size or _size(self._store.blob(digest))
            return InstalledFile(file.name, size, digest)
        if digest or not self._has_waited:
            return None
        each = (came for one in self._store.installed() for came in one.came)
        same = (came for came in each if came.sources == file.sources)
        return next((came for came in same if self._store.has(came.sha256, came.size)), None)

    def _convert(self, here: list[_Here]) -> Made:
        """Make the GGUF and commit it.

        Raises:
            LegacyRefused, LegacyDamaged, DigestMismatch: these bytes will never be a model;
                none of them is kept.
            HerdError: as `convert.convert`; they are kept for the next try.
        """
        order = self._order = _taught(self._order, here[0].name)
        olds = [Old(each.path, each.name, each.size, each.sha256) for each in here]
        staged = half_made(self._store, order.choice)
        self._store.discard(staged)
        try:
            check(order.choice, olds)
            made = convert(order.choice, olds, staged.part, order.gauge, order.stop)
        except HerdError as error:
            self._store.discard(staged)
            if isinstance(error, HOPELESS):
                self.unwanted = {each.sha256 for each in here if each.sha256}
            raise
        self._store.commit(staged.part, made.file.sha256, made.file.size, made.table)
        if not order.keeps_original:
            self.unwanted = {file.sha256 for file in made.original.files}
        self.warnings += made.legacy.warnings
        return made


def _taught(order: Order, name: str) -> Order:
    return replace(order, choice=taught(order.choice, name))


def half_made(store: Store, choice: Choice) -> Staged:
    """Where the GGUF of a choice is written."""
    return store.staged(File("gguf", ()), key=f"the GGUF of {choice.reference}")


def left_over(half_made: Staged) -> int:
    """Bytes of a broken-off conversion, which the next one begins by removing."""
    return _size(half_made.part) + _size(half_made.beside(legacy.UNDER_WAY))


def _format(path: Path) -> Format:
    with path.open("rb") as stream:
        return is_of_format(stream.read(4))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _came(file: File, fetched: Fetched) -> InstalledFile:
    """What a delivery brought, under the name that it is going to have."""
    delivery = fetched.delivery
    is_named = file.sha256 is None and delivery.name and is_file_name(delivery.name)
    name = delivery.name if is_named and delivery.name else file.name
    return InstalledFile(name, delivery.size, delivery.sha256)


def _no_model(part: Path, found: Format, choice: Choice, file: File) -> CannotRun | None:
    """Why what came is not what it should be; a digest has proved what it was promised for."""
    wanted = choice.variant.format
    if found is not wanted and (found, wanted) != (Format.GGML, Format.GGUF):
        return CannotRun(
            f"{file.name} is not a {wanted} model: its first bytes say something else.",
            "Nothing was installed; check the address or path.",
        )
    if file.sha256 is None and (lack := gguf_header.lack(part)):
        return CannotRun(
            f"{file.name} is cut short where it came from: {lack}.",
            "Nothing was installed; another address may have all of it.",
        )
    return None


def _odd(here: Sequence[_Here]) -> Iterator[str]:
    """What is wrong with headers for which nobody vouches: whoever loads the model will say it."""
    for each in here:
        if each.format is Format.GGUF and (why := gguf_header.oddity(each.path)):
            yield f"{each.name} will hardly run: {why}."


def _manifest(
    order: Order, here: Sequence[_Here], made: Made | None, fetched: Sequence[Fetched]
) -> Installed:
    model, variant = order.choice.model, order.choice.variant
    sources = dict.fromkeys(describe(each.source) for each in fetched)
    came = [
        InstalledFile(each.name, each.size, each.sha256, file.sources, each.adopted)
        for each, file in zip(here, variant.files, strict=True)
        if each.sha256
    ]
    if made:
        came = [made.file, *(made.original.files if order.keeps_original else ())]
    source = ", ".join(sources) or _local(variant) or "the store"
    installed = described(model, variant, tuple(came), source)
    if made is None:
        return _headed(installed, here[0].path) if model.registry is None else installed
    quantisation = installed.quantisation or made.legacy.quantisation
    return replace(installed, format=Format.GGUF, quantisation=quantisation, original=made.original)


def _headed(installed: Installed, path: Path) -> Installed:
    """A model that no registry describes, with what its header says."""
    try:
        return with_header(installed, gguf_header.read_file(path))
    except (BadHeader, OSError):  # it came as promised; who loads it says what is wrong
        return installed


def _local(variant: Variant) -> str | None:
    """Where the person has the file, if it was read where it lies."""
    source = next(iter(variant.files[0].sources), None)
    return describe(source) if isinstance(source, PathSource) else None
