"""The piece table of each blob, beside the blobs.

A table comes after its blob and goes after it, so whatever kills herd leaves at worst a
blob without a table, which the next proof makes anew, or a table that `sweep` takes away.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from herd import disk
from herd.model import Sha256, is_sha256

if TYPE_CHECKING:
    from herd.pieces import Table

_READ = 1024 * 1024
_FRESH = ".new"


class Tables:
    """The piece tables of a store. Every method may raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, sha256: Sha256) -> bool:
        """Whether a table lies there, sound or not."""
        return self._path(sha256).is_file()

    def of(self, sha256: Sha256, size: int) -> Table | None:
        """The table of a blob of so many bytes; None when there is none that reads."""
        from herd import pieces  # drags OpenSSL in, and a list of models needs no hash

        try:
            with disk.ordinary(self._path(sha256)) as stream:
                return pieces.read(stream.read(pieces.longest(size) + 1), size)
        except (OSError, pieces.BadTable):
            return None

    def keep(self, sha256: Sha256, table: Table) -> None:
        """Keep the table of a blob that is there. Not for two at the same time."""
        from herd import pieces

        disk.make_folder(self._folder)
        # A torn one does not lead to its own root.
        disk.write_whole(self._path(sha256), pieces.write(table), is_waited_for=False)

    def remove(self, sha256: Sha256) -> int:
        """Remove a table; bytes freed."""
        return disk.remove(self._path(sha256))

    def sweep(self, blobs: Callable[[], set[Sha256]]) -> int:
        """Remove tables whose blob is gone, and what a kill left half; bytes freed."""
        if not self._folder.is_dir():
            return 0
        # Listed before the blobs are: a table's blob was there before it.
        found = list(self._folder.iterdir())
        kept = blobs()
        return sum(disk.remove(each) for each in found if each.name not in kept)

    def _path(self, sha256: Sha256) -> Path:
        if not is_sha256(sha256):
            raise ValueError(sha256)
        return self._folder / sha256


def table_of(path: Path, check: Callable[[int], None] = lambda _: None) -> Table:
    """The table of a file, from one pass over it.

    Args:
        path: The file.
        check: Called with the bytes of each step; what it raises ends the work.
    """
    from herd import pieces

    with disk.ordinary(path) as stream:
        maker = pieces.TableMaker(path.stat().st_size)
        while piece := stream.read(_READ):
            maker.update(piece)
            check(len(piece))
    return maker.table()
