"""Which installed model a reference means; pure."""

from __future__ import annotations

from collections.abc import Sequence

from herd.errors import NotInstalled
from herd.model import Installed, Reference
from herd.words import nearest


def find(reference: Reference, installed: Sequence[Installed]) -> Installed:
    """The model of this name; without a variant, the one that was installed last.

    Raises:
        NotInstalled: there is none; the hint has the nearest names.
    """
    named = [each for each in installed if each.name == reference.name]
    asked = [each for each in named if reference.variant in (None, each.variant)]
    if not asked:
        raise NotInstalled(f"{reference} is not installed.", _hint(reference, named, installed))
    return max(asked, key=lambda each: (each.installed_at, each.variant))


def _hint(reference: Reference, named: Sequence[Installed], installed: Sequence[Installed]) -> str:
    if named:
        return f"Of {reference.name} there is {', '.join(each.variant for each in named)}."
    near = nearest(reference.name, sorted({each.name for each in installed}))
    return near[:1].upper() + near[1:] or f"`herd install {reference}` fetches it."
