"""The shipped registry and those that the person added, one over the other.

A name belongs to the registry that had it first. What a later one offers under it is
set aside where everybody can see it: nothing is ever shadowed in silence.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import herd
from herd.errors import RegistryError
from herd.model import Model
from herd.places import Places
from herd.registry import schema
from herd.registry.catalogue import Hidden, Origin, Registry
from herd.registry.document import MOST_BYTES
from herd.registry.schema import Layer

SHIPPED = "registry.yaml"


def load(places: Places) -> Registry:
    """What herd ships and every `*.yaml` among the person's registries, by file name.

    Raises:
        RegistryError: one of them does not read, or has the name of another.
    """
    return stack([shipped(), *[from_file(path) for path in _added(places.user_registries)]])


def shipped() -> Layer:
    """The registry that came with herd, or the checkout's own where herd runs from one.

    Raises:
        RegistryError: it is missing or does not read.
    """
    try:
        content = pkgutil.get_data("herd", SHIPPED)
    except OSError:
        content = None
    if content is not None:
        return schema.read(content, SHIPPED)
    beside = Path(herd.__file__).parent.parent / SHIPPED
    if not beside.is_file():
        raise RegistryError("herd's own registry is missing.", "Install herd again.")
    return schema.read(_content(beside), SHIPPED)


def from_file(path: Path) -> Layer:
    """A registry that the person added.

    Raises:
        RegistryError: it does not read; the message begins with its path.
    """
    return schema.read(_content(path), str(path), fallback_name=path.stem)


def stack(layers: Iterable[Layer]) -> Registry:
    """All layers as one registry, the first one lowest.

    A name belongs to the layer that had it first. A model or an alias of a later one
    under that name is left out, and is among what is hidden.

    Raises:
        RegistryError: two layers have the same name.
    """
    read: dict[str, Layer] = {}
    owners: dict[str, str] = {}
    models: list[Model] = []
    hidden: list[Hidden] = []
    for layer in layers:
        _refuse_namesake(layer, read)
        fresh = {name for name in layer.lines if name not in owners}
        taken = (name for name in layer.lines if name in owners)
        hidden += [Hidden(name, layer.name, owners[name]) for name in taken]
        models += [_without(model, fresh) for model in layer.models if model.name in fresh]
        owners |= dict.fromkeys(fresh, layer.name)
    origins = tuple([_origin(layer) for layer in read.values()])
    return Registry(tuple(models), tuple(hidden), origins)


def _origin(layer: Layer) -> Origin:
    return Origin(layer.name, layer.origin, len(layer.models), layer.updated)


def _without(model: Model, fresh: set[str]) -> Model:
    """The model without the aliases that are somebody else's names."""
    if fresh.issuperset(model.aliases):
        return model
    return replace(model, aliases=tuple([each for each in model.aliases if each in fresh]))


def _refuse_namesake(layer: Layer, read: dict[str, Layer]) -> None:
    lower = read.setdefault(layer.name, layer)
    if lower is not layer:
        raise RegistryError(
            f"{layer.origin}:1: registry.name: {lower.origin} is named {layer.name} already.",
            "Give this registry a name of its own.",
        )


def _added(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".yaml")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RegistryError(f"{folder}:1: cannot be read: {error.strerror}.") from error


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise RegistryError(f"{path}:1: cannot be read: {error.strerror}.") from error
