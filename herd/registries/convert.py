"""A catalog of another program becomes a registry of the person's own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from herd.disk import make_folder, write_whole, writing
from herd.errors import BadUsage
from herd.model import is_name
from herd.places import Places
from herd.registries import catalogs, location
from herd.registries.catalogs import Taken
from herd.registry import layers
from herd.registry.writing import document

MARK = "# Made by `herd registry import` from "
"""How a file begins that may be made anew."""


@dataclass(frozen=True)
class Converted:
    """What was made."""

    taken: Taken
    path: Path


def convert(here: Places, place: str, name: str, stop: threading.Event | None = None) -> Converted:
    """Bring a catalog and keep its models as a registry of that name.

    Raises:
        BadUsage: the name is none or belongs to something else, or nothing can be taken.
        RegistryError: the catalog does not read.
        SourceFailed, SourceRefused: it did not come.
        NoRoom, CannotWrite: the disk.
    """
    path = here.user_registries / f"{name}.yaml"
    if not is_name(name) or _is_anothers(here, name, path):
        raise BadUsage(f"{name} cannot name this registry.", "Add --name NAME with a free name.")
    origin = location.absolute(place)
    copy = location.bring(origin, stop=stop)
    assert copy is not None  # noqa: S101  # without a validator it always comes
    taken = catalogs.take(copy.content, origin)
    if not taken.models:
        raise BadUsage(f"{origin} has no model with a sha256 and a GGUF file.", _left(taken))
    content = f"{MARK}{origin!a}\n{document(name, taken.models)}".encode()
    layers.read(content, str(path), cache=here.compiled)
    with writing(path):
        make_folder(path.parent)
        write_whole(path, content)
    return Converted(taken, path)


def _is_anothers(here: Places, name: str, path: Path) -> bool:
    """Whether a registry has this name that no import made."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return not stream.readline().startswith(MARK)
    except OSError:
        return name in [each.name for each in layers.load(here).origins]


def _left(taken: Taken) -> str:
    return "Left out: " + "; ".join(f"{number} for {why}" for why, number in taken.left.items())
