"""What a search must know of a model, without the model itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from herd.model import Model, Status


class Card(NamedTuple):
    """One model in the index of a registry; every text but the names is lower case."""

    name: str
    aliases: Sequence[str]
    kinds: Sequence[str]
    """Role, parameters, family."""
    text: str
    """All that words are looked for in, names included."""
    is_active: bool
    is_recommended: bool


def card(model: Model) -> Card:
    """The card of a model."""
    kinds = [each.lower() for each in (model.role, model.parameters, model.family) if each]
    quantisations = [each.quantisation or each.name for each in model.variants]
    rest = (model.title, model.summary, model.licence.id, *quantisations)
    text = " ".join([model.name, *model.aliases, *kinds, *rest]).lower()
    is_active = model.status is Status.ACTIVE
    return Card(model.name, model.aliases, kinds, text, is_active, model.is_recommended)


Rank = tuple[bool, int, bool]
"""Where a card stands among what was found, smaller being better."""


def rank(it: Card, words: Sequence[str]) -> Rank | None:
    """The rank of a card in a search for words in lower case; None: a word is missing."""
    text = it.text
    for word in words:
        if word not in text:
            return None
    return not it.is_active, sum([_place(it, word) for word in words]), not it.is_recommended


def _place(it: Card, word: str) -> int:
    """How far from the name of a model a word stands."""
    if word == it.name or word in it.aliases:
        return 0
    if word in it.name or word in " ".join(it.aliases):
        return 1
    return 2 if word in it.kinds else 3
