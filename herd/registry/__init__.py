"""What models there are and where their bytes may come from; nothing is fetched here."""

from __future__ import annotations

from herd.places import Places
from herd.registry.catalogue import Registry

__all__ = ["Registry", "load"]


def load(places: Places) -> Registry:
    """The shipped registry and those that the person added.

    Raises:
        RegistryError: one of them does not read, or has the name of another.
    """
    from herd.registry import layers  # 20 ms, most of it YAML's own import

    return layers.load(places)
