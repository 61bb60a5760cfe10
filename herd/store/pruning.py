"""What lies in a store that no installed model needs, and taking it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from herd import disk
from herd.model import Sha256
from herd.places import Places
from herd.staging import discard
from herd.store import staging
from herd.store.lock import Lock
from herd.store.staging import Begun


@dataclass(frozen=True)
class Spare:
    """A blob that no manifest names."""

    path: Path
    size: int
    """Bytes that go with it; 0 for a link to another tool's file."""


@dataclass(frozen=True)
class Litter:
    """What could be taken away."""

    begun: tuple[Begun, ...] = ()
    """Files that were begun and not finished; the next try would go on with them."""
    spare: tuple[Spare, ...] = ()
    orphans: tuple[Path, ...] = ()
    """Names among the models that no manifest knows."""

    @property
    def size(self) -> int:
        """Bytes that would be free."""
        return sum(each.size for each in self.begun) + sum(each.size for each in self.spare)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        return not (self.begun or self.spare or self.orphans)


class Pruning:
    """Finds and clears what nobody needs; what an install that runs now uses is left alone."""

    def __init__(self, places: Places, writing: Callable[[], AbstractContextManager[None]]) -> None:
        """Touches nothing.

        Args:
            places: The store's.
            writing: Makes the folders and puts the system's errors into words.
        """
        self._places = places
        self._writing = writing

    def begun(self) -> tuple[Begun, ...]:
        """What was begun and nobody works on now."""
        if not self._places.staging.is_dir():
            return ()
        with self._writing():
            return tuple(
                each for each in staging.begun(self._places.staging) if self._is_idle(each)
            )

    def clear(self, begun: Begun) -> int:
        """Take away what was begun, unless somebody works on it now; bytes freed."""
        with self.alone_with(begun) as is_alone:
            if is_alone:
                discard(begun.staged)
        return begun.size if is_alone else 0

    @contextmanager
    def alone_with(self, begun: Begun) -> Iterator[bool]:
        """Be the only one who works on what was begun; False if somebody else does."""
        with self._writing():
            lock = self._lock(begun)
            is_alone = lock.take()
            try:
                yield is_alone
            finally:
                if is_alone:
                    lock.release()

    def _is_idle(self, begun: Begun) -> bool:
        """Whether nobody has the part; a lock that only a dead herd left is taken to find out.

        Without a file nobody has it, and an install that begins now must find it free: it
        would write another part beside this one.
        """
        lock = self._lock(begun)
        if not lock.path.exists():
            return True
        if not lock.take():
            return False
        lock.release()
        return True

    def _lock(self, begun: Begun) -> Lock:
        return Lock(self._places.locks / f"{begun.staged.part.name}.lock")


def spare(path: Path) -> Spare:
    """A blob that no manifest names, and what removing it frees."""
    try:
        found = path.lstat()
    except OSError:
        return Spare(path, 0)
    is_only = found.st_nlink == 1 and not path.is_symlink()
    return Spare(path, found.st_size if is_only else 0)


def remove_orphan(path: Path, models: Path) -> None:
    """Take away a name that no manifest knows, and the folders that it leaves empty."""
    if not path.is_relative_to(models):
        raise ValueError(path)
    disk.remove(path)
    folder = path.parent
    while folder != models and folder.is_relative_to(models):
        disk.remove_if_empty(folder)
        folder = folder.parent


def digests(spares: tuple[Spare, ...]) -> tuple[Sha256, ...]:
    """The digests of blobs."""
    return tuple(Sha256(each.path.name) for each in spares)
