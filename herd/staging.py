"""Where a file that is under way lies until its whole digest matches."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from herd.disk import writing


@dataclass(frozen=True)
class Staged:
    """Where a file that is under way lies: a `.part` and whatever a carrier keeps beside it."""

    part: Path
    """The bytes, at their own offsets. It has this name until the whole digest matches."""

    def beside(self, suffix: str) -> Path:
        """A path of the carrier's own next to the part: `<part><suffix>`."""
        return self.part.with_name(self.part.name + suffix)


def discard(staged: Staged) -> None:
    """Remove the part and whatever carriers keep beside it.

    Raises:
        CannotWrite: it cannot be removed.
    """
    with writing(staged.part.parent):
        for path in staged.part.parent.glob(escape(staged.part.name) + "*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
