"""What other herds of this person change: looked for on the disk now and then, by dates alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from herd.places import Places

Dates = frozenset[tuple[str, int]]
"""Names below a folder, and when each was changed."""


@dataclass(frozen=True)
class Sight:
    """What was there at one look."""

    installed: Dates
    offered: Dates

    @classmethod
    def of(cls, where: Places, store: Path) -> Sight:
        """Look; what cannot be read counts as not there.

        Args:
            where: The places of the registries.
            store: The store in force.
        """
        return cls(_dates(store / "manifests"), _dates(where.user_registries))


def _dates(folder: Path) -> Dates:
    """Of the folder, of its folders, and of the files in all of these."""
    found: set[tuple[str, int]] = set()
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    found.add((entry.path, entry.stat().st_mtime_ns))
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:  # it comes or goes at this moment
            continue
    return frozenset(found)
