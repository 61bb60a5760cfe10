"""The shipped registry and those that the person added, one over the other.

A name belongs to the registry that had it first. What a later one offers under it is
set aside where everybody can see it: nothing is ever shadowed in silence.
"""

from __future__ import annotations

import gc
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import herd
from herd import disk
from herd.errors import RegistryError
from herd.places import Places
from herd.registry import added, compiled
from herd.registry.added import Added
from herd.registry.catalogue import Hidden, Origin, Registry, Trust
from herd.registry.layer import Layer
from herd.registry.limits import MOST_BYTES
from herd.registry.sequences import Chain

SHIPPED = "registry.yaml"


def load(places: Places) -> Registry:
    """What herd ships, what the person added in that order, then their own files by name.

    One that does not read is no reason to go without the others: what was last read of it
    stands in its place if the cache still has that, and `troubles` says so.

    Raises:
        RegistryError: the shipped one or the list of those that were added does not read.
    """
    troubles: list[str] = []
    found = each_of(places, places.compiled, troubles.append)
    return replace(stack(found, troubles.append), troubles=tuple(troubles))


Say = Callable[[str], object]
"""Takes a sentence on a registry that was passed over."""


def each_of(places: Places, cache: Path | None = None, say: Say | None = None) -> list[Layer]:
    """The same registries, one by one.

    Args:
        places: Where they are.
        cache: The folder of compiled registries; None reads the documents themselves, so
            that lines are known.
        say: Told of each that does not read; None makes that an error.

    Raises:
        RegistryError: one of them does not read.
    """
    folder = places.user_registries
    listed = added.read(folder)
    kept = {each.file_name for each in listed}
    own = [path for path in _files(folder) if path.name not in kept]
    layers = [_added(folder, each, cache, say) for each in listed]
    layers += [_readable(path, cache, say) for path in own]
    return [shipped(cache), *[layer for layer in layers if layer]]


def _readable(path: Path, cache: Path | None, say: Say | None) -> Layer | None:
    try:
        return from_file(path, cache)
    except RegistryError as error:
        if say is None:
            raise
        before = compiled.last(cache, path.stem, str(path)) if cache else None
        rest = "What was last read of it is used." if before else "It is passed over."
        say(f"{error.message} {rest}")
        return before


def _added(folder: Path, it: Added, cache: Path | None, say: Say | None) -> Layer | None:
    """The last good copy of an added registry; None when somebody took the copy away."""
    path = folder / it.file_name
    if not path.exists():
        return None
    if (layer := _readable(path, cache, say)) is None:
        return None
    return replace(layer, location=it.location, is_signed=it.key is not None)


def shipped(cache: Path | None = None) -> Layer:
    """The registry that came with herd, or the checkout's own where herd runs from one.

    Args:
        cache: The folder of compiled registries; None reads the document itself.

    Raises:
        RegistryError: it is missing or does not read.
    """
    try:
        content = pkgutil.get_data("herd", SHIPPED)
    except OSError:
        content = None
    if content is None:
        beside = Path(herd.__file__).parent.parent / SHIPPED
        if not beside.is_file():
            raise RegistryError("herd's own registry is missing.", "Install herd again.")
        content = _content(beside)
    return read(content, SHIPPED, cache=cache)


def from_file(path: Path, cache: Path | None = None) -> Layer:
    """A registry that the person added.

    Raises:
        RegistryError: it does not read; the message begins with its path.
    """
    return read(_content(path), str(path), fallback_name=path.stem, cache=cache)


def read(
    content: bytes, origin: str, *, fallback_name: str | None = None, cache: Path | None = None
) -> Layer:
    """What a document offers: from the cache where it was read before, else read strictly.

    Args:
        content: The document.
        origin: The file, for messages.
        fallback_name: The name of the registry when it gives none.
        cache: The folder of compiled registries; None reads the document itself.

    Raises:
        RegistryError: the document does not read.
    """
    wanted = compiled.key(content, fallback_name or origin)
    with _collector_paused():
        if cache and (layer := compiled.load(cache, wanted, origin)):
            return layer
        from herd.registry import quick  # 20 ms, most of it YAML's own import

        layer = quick.read(content, origin, fallback_name=fallback_name)
    if cache:
        compiled.save(cache, wanted, layer)
    return layer


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Garbage collection looks at every node of a large document again and again: thrice the time.

    Nothing in a document is a cycle, so nothing is lost.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def stack(layers: Iterable[Layer], say: Say | None = None) -> Registry:
    """All layers as one registry, the first one lowest.

    A name belongs to the layer that had it first. A model or an alias of a later one
    under that name is left out, and is among what is hidden.

    Args:
        layers: What was read.
        say: Told of a layer that has the name of another; None makes that an error.

    Raises:
        RegistryError: two layers have the same name.
    """
    read: dict[str, Layer] = {}
    owners: dict[str, str] = {}
    kept: list[Layer] = []
    hidden: list[Hidden] = []
    for layer in layers:
        if (lower := read.setdefault(layer.name, layer)) is not layer:
            error = _namesake(layer, lower)
            if say is None:
                raise error
            say(f"{error.message} It is passed over.")
            continue
        names = {name: layer.name for each in layer.names for name in each}
        taken = names.keys() & owners.keys()
        hidden += [Hidden(name, layer.name, owners[name]) for name in sorted(taken)]
        kept.append(_without(layer, taken) if taken else layer)
        owners = names | owners
    return Registry(
        models=Chain([layer.models for layer in kept]),
        hidden=tuple(hidden),
        origins=tuple([_origin(layer) for layer in read.values()]),
        names=Chain([layer.names for layer in kept]),
        index=Chain([layer.cards for layer in kept]),
    )


def _origin(layer: Layer) -> Origin:
    return Origin(
        name=layer.name,
        location=layer.location or layer.origin,
        models=len(layer.models),
        updated=layer.updated,
        trust=_trust(layer),
    )


def _trust(layer: Layer) -> Trust:
    if layer.origin == SHIPPED:
        return Trust.SHIPPED
    if layer.location is None:
        return Trust.OWN
    return Trust.SIGNED if layer.is_signed else Trust.UNSIGNED


def _without(layer: Layer, taken: Set[str]) -> Layer:
    """The layer without the models and aliases that go by somebody else's name."""
    models = [
        replace(model, aliases=tuple([each for each in model.aliases if each not in taken]))
        for model in layer.models
        if model.name not in taken
    ]
    names = [(model.name, *model.aliases) for model in models]
    return replace(layer, models=models, names=names, index=None)


def _namesake(layer: Layer, lower: Layer) -> RegistryError:
    return RegistryError(
        f"{layer.origin}:1: registry.name: {lower.origin} is named {layer.name} already.",
        "Give this registry a name of its own.",
    )


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".yaml")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RegistryError(f"{folder}:1: cannot be read: {error.strerror}.") from error


def _content(path: Path) -> bytes:
    try:
        with disk.ordinary(path) as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise RegistryError(f"{path}:1: cannot be read: {error.strerror}.") from error
