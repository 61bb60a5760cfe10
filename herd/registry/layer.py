"""One registry: what a single document offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from herd.model import Model
from herd.registry.card import Card, card


@dataclass(frozen=True)
class Layer:
    """A registry that was read."""

    origin: str
    """The file, as the person knows it."""
    name: str
    models: Sequence[Model]
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where each name and alias stands; empty where it was not read from its document."""
    updated: str | None = None
    """The day on which its makers last looked at it."""
    location: str | None = None
    """Where it was added from; None for herd's own and for files of the person."""
    is_signed: bool = False
    """Whether it was proved to be its makers' when it was added."""
    names: Sequence[Sequence[str]] = ()
    """The name of each model and its aliases."""
    index: Sequence[Card] | None = None
    """The card of each model; made of the models where nobody has them."""

    @cached_property
    def cards(self) -> Sequence[Card]:
        """The card of each model, in the order of the models."""
        return self.index if self.index is not None else [card(model) for model in self.models]
