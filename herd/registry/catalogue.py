"""All registries as one: a model is found by its name, or searched for by words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from herd.errors import UnknownModel
from herd.model import Choice, MagnetSource, Model, Reference, Sha256, Variant
from herd.registry.card import Card, card, rank
from herd.registry.sequences import Picked

MOST_NEAR = 3
"""Names that an error offers instead of one that nothing has."""
_NEAR_ENOUGH = 0.55
"""Of difflib's ratio: `smolm` is near `smollm2`, `banana` is near nothing."""


@dataclass(frozen=True)
class Hidden:
    """A name that a registry offers and an earlier one has already: the earlier one's counts."""

    name: str
    registry: str
    """The registry whose name does not count."""
    owner: str
    """The registry that has it."""


class Trust(StrEnum):
    """Who vouches for a registry."""

    SHIPPED = "came with herd"
    SIGNED = "signed"
    OWN = "a file of yours"
    UNSIGNED = "unsigned"


@dataclass(frozen=True)
class Origin:
    """One of the registries that were read."""

    name: str
    location: str
    """The file, as the person knows it."""
    models: int
    """Models that it offers, hidden ones included."""
    updated: str | None = None
    """The day on which its makers last looked at it, as they say."""
    trust: Trust = Trust.UNSIGNED


@dataclass(frozen=True)
class Registry:
    """What all registries offer. Names and aliases are unique among all of them."""

    models: Sequence[Model] = ()
    hidden: tuple[Hidden, ...] = ()
    """What later registries offer under names that were taken."""
    origins: tuple[Origin, ...] = ()
    """The registries in their order; the first that has a name keeps it."""
    troubles: tuple[str, ...] = ()
    """A sentence for each registry that does not read and was passed over."""
    names: Sequence[Sequence[str]] | None = None
    """The name of each model and its aliases, in the same order; else the models say."""
    index: Sequence[Card] | None = None
    """The card of each model in the same order; else they are made of the models."""

    def find(self, reference: Reference) -> Choice:
        """The variant of the model that a reference stands for.

        Raises:
            UnknownModel: no model has the name or the alias, or the model has no such variant.
        """
        at = self._by_name.get(reference.name)
        if at is None:
            raise UnknownModel(f"No registry offers {reference}.", self._instead_of(reference))
        model = self.models[at]
        variant = model.variant(reference.variant)
        if variant is None:
            raise UnknownModel(
                f"{reference.name} has no variant {reference.variant}.",
                f"It has {_in_words([each.name for each in model.variants], 'and')}: "
                f"try {reference.name}:{model.default}.",
            )
        return Choice(model, variant)

    def offers(self, name: str) -> bool:
        """Whether a model has this name or alias."""
        return name in self._by_name

    def origin(self, model: Model) -> Origin | None:
        """The registry that a model comes from."""
        return next((each for each in self.origins if each.name == model.registry), None)

    def search(self, words: Sequence[str]) -> Sequence[Model]:
        """The models in which every word occurs; those whose name has them come first.

        No word at all finds every model. What is withdrawn or of historical interest
        comes after what is not, and of equals what is recommended comes first.
        """
        wanted = [word.lower() for word in words if word.strip()]
        ranked = [(place, at) for at, it in enumerate(self.cards) if (place := rank(it, wanted))]
        return Picked(self.models, [at for _, at in sorted(ranked)])

    def find_magnet(self, magnet: MagnetSource) -> tuple[Choice, MagnetSource] | None:
        """What the registry knows of this swarm: the choice that names it, and how it does."""
        for model, variant in self._variants():
            for source in _magnets(variant):
                if _is_same_swarm(source, magnet):
                    return Choice(model, variant), source
        return None

    def find_digests(self, digests: Sequence[Sha256 | None]) -> Choice | None:
        """The variant whose files have these digests, the first of them first."""
        return with_digests(self.models, digests)

    @cached_property
    def cards(self) -> Sequence[Card]:
        """The card of each model, in the order of the models."""
        return self.index if self.index is not None else [card(model) for model in self.models]

    @cached_property
    def _by_name(self) -> dict[str, int]:
        names = self.names or [(model.name, *model.aliases) for model in self.models]
        return {name: at for at, each in enumerate(names) for name in each}

    def _variants(self) -> Iterable[tuple[Model, Variant]]:
        return _variants(self.models)

    def _instead_of(self, reference: Reference) -> str:
        near = self._nearest(str(reference).replace(":", "-")) or self._nearest(reference.name)
        if not near:
            return "`herd search` lists every model."
        return f"Did you mean {_in_words(near, 'or')}?"

    def _nearest(self, wrong: str) -> list[str]:
        """At most three names or aliases, no model twice, the nearest first."""
        from difflib import SequenceMatcher  # 4 ms, and only for a name that nothing has

        matcher = SequenceMatcher(b=wrong[:64])
        near: dict[int, tuple[float, str]] = {}
        for name, at in self._by_name.items():
            matcher.set_seq1(name)
            least = max(_NEAR_ENOUGH, near.get(at, (0.0, ""))[0])
            extra = 1 if name.startswith(wrong) else 0
            if (
                matcher.real_quick_ratio() + extra <= least
                or matcher.quick_ratio() + extra <= least
            ):
                continue
            if (closeness := matcher.ratio() + extra) > least:
                near[at] = (closeness, name)
        best = sorted(near.values(), key=lambda pair: -pair[0])
        return [name for _, name in best[:MOST_NEAR]]


def with_digests(
    models: Iterable[Model], digests: Sequence[Sha256 | None], *, may_be_more: bool = False
) -> Choice | None:
    """The first variant of these models whose files have these digests.

    Args:
        models: What registries offer.
        digests: Of the files, the primary one first; None of one that nobody knows.
        may_be_more: Whether there may be digests that the variant has not.
    """
    given = set(digests)
    if not given or None in given:
        return None
    for model, variant in _variants(models):
        known = [file.sha256 for file in variant.files]
        is_here = known[:1] == [digests[0]] and given.issuperset(known)
        if is_here and (may_be_more or given.issubset(known)):
            return Choice(model, variant)
    return None


def _variants(models: Iterable[Model]) -> Iterable[tuple[Model, Variant]]:
    return ((model, variant) for model in models for variant in model.variants)


def _magnets(variant: Variant) -> Iterable[MagnetSource]:
    sources = (source for file in variant.files for source in file.sources)
    return (source for source in sources if isinstance(source, MagnetSource))


def _is_same_swarm(one: MagnetSource, other: MagnetSource) -> bool:
    pairs = ((one.v1, other.v1), (one.v2, other.v2))
    return any(mine is not None and mine == theirs for mine, theirs in pairs)


def _in_words(names: list[str], joint: str) -> str:
    *most, last = names
    return f"{', '.join(most)} {joint} {last}" if most else last
