"""What a person may ask of a model beside words: `herd search --role code --fits`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from herd.errors import BadUsage
from herd.model import Commercial, Model, Variant
from herd.plan import Fit, fit
from herd.words import nearest

_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class Wishes:
    """What must hold of a model; None where it does not matter."""

    family: str | None = None
    role: str | None = None
    most: int | None = None
    """Bytes of a variant."""
    memory: int | None = None
    """Bytes of memory into which a variant must fit."""
    licence: str | None = None
    """The name of a licence, or what it says of commercial use: `open`."""

    def variant(self, model: Model) -> Variant | None:
        """The variant to offer: the default where it will do, else the largest that does."""
        if not self._is_of_kind(model):
            return None
        good = [each for each in model.variants if self._is_small(each)]
        default = model.variant()
        if default in good:
            return default
        return max(good, key=lambda each: each.size or 0, default=None)

    def _is_of_kind(self, model: Model) -> bool:
        pairs = ((self.family, model.family), (self.role, model.role))
        if any(wish and wish.lower() != (has or "").lower() for wish, has in pairs):
            return False
        if self.licence is None:
            return True
        return self.licence.lower() in (model.licence.id.lower(), model.licence.commercial.value)

    def _is_small(self, variant: Variant) -> bool:
        if self.most is not None and (variant.size is None or variant.size > self.most):
            return False
        return self.memory is None or fit(variant.size, self.memory) is Fit.FITS


def check(wishes: Wishes, models: Iterable[Model]) -> None:
    """Refuse a family or a licence that no model has.

    Raises:
        BadUsage: it names those that there are.
    """
    known = list(models)
    families = {(model.family or "").lower() for model in known} - {""}
    licences = {model.licence.id.lower() for model in known} | {each.value for each in Commercial}
    for wish, there, what in (
        (wishes.family, families, "family"),
        (wishes.licence, licences, "licence"),
    ):
        if wish is not None and wish.lower() not in there:
            near = nearest(wish.lower(), sorted(there))
            hint = near[:1].upper() + near[1:] or f"There are {', '.join(sorted(there))}."
            raise BadUsage(f"No model has the {what} {wish}.", hint)


def size(text: str) -> int:
    """Bytes from `8GB`, `500 MB`, `1.5 GiB`.

    Raises:
        BadUsage: it is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BadUsage(f"{text!r} is no size.", "Write it as 8GB or 500MB.")
    number, unit, binary = found.groups()
    base = 1024 if binary else 1000
    return int(float(number) * base ** _POWERS[unit.lower()])
