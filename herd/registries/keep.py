"""Adding, updating and removing registries; the last good copy of each stays, whatever happens.

A copy takes its place only when it is no web page, is signed by the pinned key where
there is one, and reads under the strict rules. Everything else leaves the old copy.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from herd.chat import now
from herd.disk import make_folder, write_whole, writing
from herd.disk import remove as remove_file
from herd.errors import BadUsage, HerdError, RegistryError, SignatureRefused, UnknownModel
from herd.model import is_name
from herd.places import Places
from herd.registries import location as locations
from herd.registries.location import Copy
from herd.registries.signature import PublicKey, public_key, verify
from herd.registry import added, layers
from herd.registry.added import Added
from herd.registry.catalogue import Hidden, Origin
from herd.registry.layer import Layer
from herd.words import nearest

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Wanted:
    """A registry that somebody wants to add."""

    location: str
    key: str | None = None
    """A public key of minisign, as text; it is pinned."""
    name: str | None = None
    """What to call it, where it gives itself no name."""


@dataclass(frozen=True)
class Kept:
    """A registry that was added."""

    added: Added
    origin: Origin
    hidden: tuple[Hidden, ...]
    """Names of it that another registry has already."""
    found_key: bool = False
    """Whether the key was found beside the registry and nobody vouches for it."""


class Fate(StrEnum):
    """What became of an update."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class Update:
    """One registry and what became of its update."""

    name: str
    fate: Fate
    error: HerdError | None = None
    """Why the old copy stays."""


def add(here: Places, wanted: Wanted, stop: threading.Event | None = None) -> Kept:
    """Bring a registry and keep it.

    Raises:
        BadUsage: it is there already, has no usable name, or its key is no key.
        RegistryError: it does not read.
        SignatureRefused: it is not signed with the key.
        SourceFailed, SourceRefused: it did not come.
        NoRoom, CannotWrite: the disk.
    """
    place = locations.absolute(wanted.location)
    listed = added.read(here.user_registries)
    if twin := next((each for each in listed if each.location == place), None):
        raise BadUsage(
            f"{place} is added already, as {twin.name}.", f"`herd registry update {twin.name}`."
        )
    copy = locations.bring(place, stop=stop)
    assert copy is not None  # noqa: S101  # without a validator it always comes
    key, is_found = _key(wanted, copy, place)
    layer = _checked(copy, place, key, fallback=wanted.name or locations.stem(place))
    _refuse_taken_name(here, layer)
    pinned = None if key is None else str(key)
    fresh = Added(layer.name, place, pinned, copy.etag, now())
    _put(here, fresh, copy)
    added.write(here.user_registries, [*listed, fresh])
    whole = layers.load(here)
    origin = next(each for each in whole.origins if each.name == layer.name)
    hidden = tuple([each for each in whole.hidden if each.registry == layer.name])
    return Kept(fresh, origin, hidden, is_found)


def update(
    here: Places, names: Sequence[str] = (), stop: threading.Event | None = None
) -> tuple[Update, ...]:
    """Bring the registries again, all of them or those named; one's trouble is not another's.

    Raises:
        UnknownModel: no added registry has this name.
        Interrupted: it was stopped.
    """
    listed = added.read(here.user_registries)
    for name in names:
        _find(listed, name)
    return tuple([_updated(here, each, stop) for each in listed if not names or each.name in names])


def remove(here: Places, name: str) -> Added:
    """Take a registry away; what was installed from it stays.

    Raises:
        UnknownModel: no added registry has this name.
        NoRoom, CannotWrite: the disk.
    """
    listed = added.read(here.user_registries)
    found = _find(listed, name)
    added.write(here.user_registries, [each for each in listed if each is not found])
    path = here.user_registries / found.file_name
    with writing(path):
        remove_file(path)
    return found


def _find(listed: Sequence[Added], name: str) -> Added:
    for each in listed:
        if each.name == name:
            return each
    near = nearest(name, [each.name for each in listed])
    raise UnknownModel(
        f"No registry named {name} was added.",
        near[:1].upper() + near[1:] if near else "`herd registry list` shows those that were.",
    )


def _updated(here: Places, it: Added, stop: threading.Event | None) -> Update:
    try:
        before = _last(here, it)
        copy = locations.bring(it.location, it.etag if before else None, stop)
        if copy is None:
            return Update(it.name, Fate.UNCHANGED)
        key = None if it.key is None else public_key(it.key)
        layer = _checked(copy, it.location, key, fallback=it.name)
        if layer.name != it.name:
            raise RegistryError(
                f"{it.location}:1: registry.name: it was added as {it.name} "
                f"and calls itself {layer.name} now.",
                "Remove it and add it again if that is meant.",
            )
        _refuse_older(layer, before)
        return Update(it.name, _replaced(here, it, copy))
    except HerdError as error:
        if error.exit_code == 130:
            raise
        return Update(it.name, Fate.FAILED, error)


def _last(here: Places, it: Added) -> Layer | None:
    """The last copy, if it is there and reads under the rules of this herd."""
    try:
        return layers.from_file(here.user_registries / it.file_name, here.compiled)
    except RegistryError:
        return None


def _refuse_older(layer: Layer, before: Layer | None) -> None:
    """Refuse what its makers replaced: an old copy is signed as well as a new one."""
    day, last = layer.updated, before.updated if before else None
    if day and last and _DAY.fullmatch(day) and _DAY.fullmatch(last) and day < last:
        raise RegistryError(
            f"{layer.origin}:1: registry.updated: is {day}, older than the copy that is here "
            f"({last}).",
            "Somebody may be passing off an old copy; ask its makers.",
        )


def _replaced(here: Places, it: Added, copy: Copy) -> Fate:
    path = here.user_registries / it.file_name
    is_same = path.is_file() and path.read_bytes() == copy.content
    _put(here, it, copy)
    fresh = replace(it, etag=copy.etag, updated_at=now())
    listed = added.read(here.user_registries)
    added.write(here.user_registries, [fresh if each.name == it.name else each for each in listed])
    return Fate.UNCHANGED if is_same else Fate.UPDATED


def _key(wanted: Wanted, copy: Copy, place: str) -> tuple[PublicKey | None, bool]:
    """The key to pin, and whether it was merely found beside the registry."""
    if wanted.key:
        return public_key(wanted.key), False
    if copy.signature is None:
        return None, False
    if copy.key is None:
        raise BadUsage(
            f"{place} is signed, and nobody said with which key.",
            "Add --key with the public key that its makers publish (it begins with RW).",
        )
    return public_key(copy.key), True


def _checked(copy: Copy, place: str, key: PublicKey | None, *, fallback: str) -> Layer:
    """The registry, read strictly and proved to be its makers'."""
    if key is not None:
        if copy.signature is None:
            raise SignatureRefused(
                f"{place} is not signed any more.", "Nothing of it is used; an earlier copy stays."
            )
        verify(copy.content, copy.signature, key, place)
    return layers.read(copy.content, place, fallback_name=fallback)


def _refuse_taken_name(here: Places, layer: Layer) -> None:
    if not is_name(layer.name):
        raise BadUsage(
            f"{layer.origin} gives itself no name, and none can be made of its address.",
            "Add --name NAME.",
        )
    taken = [each.name for each in layers.load(here).origins]
    is_in_the_way = (here.user_registries / f"{layer.name}.yaml").exists()
    if layer.name in taken or is_in_the_way:
        raise BadUsage(
            f"A registry named {layer.name} is here already.",
            "`herd registry list` shows where it comes from; take that away first.",
        )


def _put(here: Places, it: Added, copy: Copy) -> None:
    path = here.user_registries / it.file_name
    with writing(path):
        make_folder(path.parent)
        write_whole(path, copy.content)
