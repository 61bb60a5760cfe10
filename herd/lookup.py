"""The installed model that a name or an alias stands for, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from herd.errors import NotInstalled, UnknownModel
from herd.model import Installed, reference
from herd.registry import Registry
from herd.store import Store


def installed(text: str, store: Store, registry: Callable[[], Registry]) -> Installed:
    """The installed model of this name or alias.

    Args:
        text: As it was typed.
        store: What is installed.
        registry: What is offered; it is read only where the store has no such name.

    Raises:
        NotInstalled: the registry knows it, the store does not have it.
        UnknownModel: nobody knows it.
    """
    wanted = reference(text)
    held = {each.name for each in store.installed()}
    if wanted.name in held:
        return store.find(wanted)
    if store.is_away:
        raise NotInstalled(
            f"Whether {text} is installed cannot be said: the store at {store.root} is not there.",
            "Plug its drive in, and type the same again.",
        )
    try:
        choice = registry().find(wanted)
    except UnknownModel as error:
        if registry().offers(wanted.name):
            raise  # it is the variant that nobody has
        said = f"{text} is neither installed nor offered by a registry."
        raise UnknownModel(said, error.hint) from error
    if choice.model.name in held:
        exact = choice.reference if wanted.variant else replace(wanted, name=choice.model.name)
        return store.find(exact)
    raise NotInstalled(
        f"{choice.model.name} is not installed.",
        f"`herd install {choice.model.name}` fetches it.",
    )
