"""A registry as the reader left it, kept so that it need not be read again.

A file of lines of JSON in the cache: what it is, the names of each model, the card of
each model, then each model. The names are read at once, the cards by the first search, a
model when somebody looks at it. The file is found by the digest of the document that it
was made of, so it is never stale.

It is only data: whoever can write it could at most make herd offer other models, and
every name, digest and address in it is checked again by the rules that keep a registry
from reaching anything but its sources. What is damaged is read anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import overload

from herd import __version__
from herd.disk import write_whole
from herd.errors import HerdError, RegistryError
from herd.model import Model
from herd.registry.card import Card
from herd.registry.layer import Layer
from herd.registry.pack import Unsound, pack, unpack
from herd.registry.sequences import Late

FORMAT = 2
"""Of these files, and of how documents are read: raise it when either changes."""
MOST_FILES = 24
"""Compiled registries that stay in the cache."""

_SUFFIX = ".registry"
_TROUBLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
"""What hostile JSON can bring the reading of it to."""


def key(content: bytes, name: str) -> str:
    """What a compiled document is found by.

    Args:
        content: The document.
        name: The name of the registry where the document gives none.
    """
    seed = hashlib.sha256(f"{FORMAT} {__version__} {name}\n".encode("utf-8", "surrogatepass"))
    seed.update(content)
    return seed.hexdigest()


def digest(about: Mapping[str, str | None], body: bytes) -> str:
    """What shows damage: of what is said in the first line, and of all others."""
    made = hashlib.sha256(json.dumps([about["name"], about["updated"]]).encode())
    made.update(body)
    return made.hexdigest()


def load(folder: Path, wanted: str, origin: str) -> Layer | None:
    """The registry of this key; None where the cache has none that is whole.

    Args:
        folder: The cache.
        wanted: The key.
        origin: The file of the document, for messages.
    """
    try:
        with (folder / f"{wanted}{_SUFFIX}").open("rb") as stream:
            head, _, body = stream.read().partition(b"\n")
        about = json.loads(head)
        if about["key"] != wanted or about["digest"] != digest(about, body):
            return None
        names, _, rest = body.decode("ascii").partition("\n")
        return _layer(json.loads(names), rest, about, origin)
    except (OSError, *_TROUBLE):
        return None


def last(folder: Path, name: str, origin: str) -> Layer | None:
    """What was last read of the registry of this name; None where the cache has nothing."""
    for path in _newest_first(folder):
        with suppress(OSError, *_TROUBLE), path.open("rb") as stream:
            if json.loads(stream.readline())["name"] == name:
                return load(folder, path.stem, origin)
    return None


def save(folder: Path, wanted: str, layer: Layer) -> None:
    """Keep a registry; a cache that cannot be written is no trouble, only slower."""
    parts = [layer.names, layer.cards, *[pack(model) for model in layer.models]]
    body = "\n".join([json.dumps(part, separators=(",", ":")) for part in parts]).encode()
    about = {"key": wanted, "name": layer.name, "updated": layer.updated}
    about["digest"] = digest(about, body)
    with suppress(OSError, HerdError):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{wanted}{_SUFFIX}", json.dumps(about).encode() + b"\n" + body)
        _prune(folder)


def _layer(names: object, rest: str, about: dict[str, str], origin: str) -> Layer | None:
    if type(names) is not list or {type(each) for each in names} - {list} or not all(names):
        return None
    if {type(name) for each in names for name in each} - {str}:
        return None
    lines = Late(len(names) + 1, lambda: rest.split("\n"))
    return Layer(
        origin=origin,
        name=about["name"],
        models=Unpacked(lines, names, about["name"]),
        updated=about["updated"],
        names=names,
        index=Late(len(names), lambda: _cards(lines[0], names)),
    )


def _cards(line: str, names: Sequence[Sequence[str]]) -> Sequence[Card]:
    """The cards.

    Raises:
        RegistryError: they are not those of the names.
    """
    try:
        cards = [Card(*row) for row in json.loads(line)]
        is_sound = [each.name for each in cards] == [each[0] for each in names]
    except _TROUBLE as error:
        raise _damaged() from error
    if not is_sound or {type(each.text) for each in cards} - {str}:
        raise _damaged()
    return cards


class Unpacked(Sequence[Model]):
    """Packed models, each unpacked when it is looked at."""

    def __init__(self, lines: Sequence[str], names: Sequence[Sequence[str]], registry: str) -> None:
        """Nothing is unpacked yet.

        Args:
            lines: The cards, then each model.
            names: The name and the aliases of each model.
            registry: The registry that the models belong to.
        """
        self._lines = lines
        self._names = names
        self._registry = registry
        self._made: dict[int, Model] = {}

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, at: int) -> Model: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Model]: ...
    def __getitem__(self, at: int | slice) -> Model | Sequence[Model]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        if at not in self._made:
            self._made[at] = self._model(at)
        return self._made[at]

    def _model(self, at: int) -> Model:
        try:
            model = unpack(json.loads(self._lines[at + 1]), self._registry)
        except (*_TROUBLE, Unsound) as error:
            raise _damaged() from error
        if [model.name, *model.aliases] != list(self._names[at]):
            raise _damaged()
        return model


def _damaged() -> RegistryError:
    return RegistryError(
        "cache:1: what herd keeps of a registry was changed by somebody else.",
        "`herd registry update` reads every registry anew.",
    )


def _prune(folder: Path) -> None:
    """Drop all but the files that were made last."""
    for path in _newest_first(folder)[MOST_FILES:]:
        path.unlink(missing_ok=True)


def _newest_first(folder: Path) -> list[Path]:
    files = [(path.stat().st_mtime, path) for path in folder.glob(f"*{_SUFFIX}")]
    return [path for _, path in sorted(files, reverse=True)]
