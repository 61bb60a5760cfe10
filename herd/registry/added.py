"""The list of registries that the person added: where each comes from, and whose key it has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from herd.disk import make_folder, write_whole, writing
from herd.errors import RegistryError
from herd.model import is_name

LIST = "added.json"
_LIMIT = 1 << 20


@dataclass(frozen=True)
class Added:
    """A registry that was added from somewhere; its last good copy lies beside the list."""

    name: str
    location: str
    """An address, a path, or `git+` and an address."""
    key: str | None = None
    """The public key that it must be signed with, as minisign writes it; None: unsigned."""
    etag: str | None = None
    """The validator of the last good copy."""
    updated_at: str = ""
    """When the last good copy came; ISO 8601, UTC."""

    @property
    def file_name(self) -> str:
        """Of the last good copy."""
        return f"{self.name}.yaml"


def read(folder: Path) -> tuple[Added, ...]:
    """The added registries in their order.

    Args:
        folder: Where registries of the person lie.

    Raises:
        RegistryError: the list does not read.
    """
    path = folder / LIST
    try:
        with path.open("rb") as stream:
            rows = json.loads(stream.read(_LIMIT))
        return tuple([_added(row) for row in rows])
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise RegistryError(f"{path}:1: cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RegistryError(
            f"{path}:1: does not read as a list of registries.",
            "Remove it and add the registries again: `herd registry add`.",
        ) from error


def write(folder: Path, added: Iterable[Added]) -> None:
    """Keep the list; a kill leaves the old one or the new one.

    Raises:
        NoRoom, CannotWrite: the disk.
    """
    content = json.dumps([asdict(each) for each in added], indent=1).encode()
    with writing(folder / LIST):
        make_folder(folder)
        write_whole(folder / LIST, content)


def _added(row: dict[str, str | None]) -> Added:
    known = {each.name for each in fields(Added)}
    texts = {name: row[name] for name in known}
    if not all(text is None or isinstance(text, str) for text in texts.values()):
        raise TypeError
    added = Added(**texts)  # type: ignore[arg-type]  # checked to be texts
    if not is_name(added.name) or not isinstance(added.location, str):
        raise ValueError(added.name)
    return added
