"""The shipped registry and those that the person added, one over the other.

A name belongs to the registry that had it first. A later one that has it too is an
error that names both files: nothing is ever shadowed in silence.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from pathlib import Path

import herd
from herd.errors import RegistryError
from herd.model import Model
from herd.places import Places
from herd.registry import schema
from herd.registry.catalogue import Registry
from herd.registry.document import MOST_BYTES
from herd.registry.schema import Layer

SHIPPED = "registry.yaml"


def load(places: Places) -> Registry:
    """What herd ships and every `*.yaml` among the person's registries, by file name.

    Raises:
        RegistryError: one of them does not read, or offers a name that another has.
    """
    layers = [shipped(), *[from_file(path) for path in _added(places.user_registries)]]
    return Registry(stack(layers))


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


def stack(layers: Iterable[Layer]) -> tuple[Model, ...]:
    """The models of all layers, the lowest first.

    Raises:
        RegistryError: two layers have the same name, or offer the same name or alias.
    """
    registries: dict[str, Layer] = {}
    names: dict[str, Layer] = {}
    models: list[Model] = []
    for layer in layers:
        _claim_name(layer, registries)
        _claim_models(layer, names)
        models += layer.models
    return tuple(models)


def _claim_name(layer: Layer, taken: dict[str, Layer]) -> None:
    lower = taken.setdefault(layer.name, layer)
    if lower is not layer:
        raise RegistryError(
            f"{layer.origin}:1: registry.name: {lower.origin} is named {layer.name} already.",
            "Give this registry a name of its own.",
        )


def _claim_models(layer: Layer, taken: dict[str, Layer]) -> None:
    for name, line in layer.lines.items():
        lower = taken.setdefault(name, layer)
        if lower is not layer:
            raise RegistryError(
                f"{layer.origin}:{line}: {name} is a name that {lower.origin} "
                f"(line {lower.lines[name]}) has already.",
                "Rename it here: herd never lets one registry hide what another offers.",
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
