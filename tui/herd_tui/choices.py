"""Lines of the lists that one picks from: models, variants, prompts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from textual.content import Content

from herd.model import Installed, Model
from herd.plan import Fit, fit
from herd.prompts import Prompt
from herd.words import one_line, size
from herd_tui.cells import cell
from herd_tui.screens.pick import Item


def models(
    held: Iterable[Installed],
    *,
    current: str,
    loaded: Collection[str],
    recent: Sequence[str],
    memory: int | None,
) -> list[Item]:
    """The installed models: those that are loaded first, then those that answered last."""

    def rank(name: str) -> tuple[bool, int]:
        return name not in loaded, recent.index(name) if name in recent else len(recent)

    able = [each for each in held if each.format.is_runnable]
    able.sort(key=lambda each: rank(str(each.reference)))
    return [_model(each, current, loaded, memory) for each in able]


def _model(each: Installed, current: str, loaded: Collection[str], memory: int | None) -> Item:
    name = str(each.reference)
    verdict = fit(each.size, memory)
    notes = [note for note, holds in (("now", name == current), ("warm", name in loaded)) if holds]
    line = Content.assemble(
        cell(name, 28),
        cell(size(each.size), 9, right=True),
        "  " + cell("" if verdict is Fit.UNKNOWN else verdict, 8),
        (", ".join(notes), "dim"),
    )
    return Item(name, line, f"{name} {each.title}")


def variants(model: Model, held: Collection[str], memory: int | None) -> list[Item]:
    """The variants of a model, the default one first."""
    ordered = sorted(model.variants, key=lambda each: each.name != model.default)
    items = []
    for each in ordered:
        verdict = fit(each.size, memory)
        notes = ["installed"] if each.name in held else []
        notes += ["default"] if each.name == model.default else []
        line = Content.assemble(
            cell(each.name, 16),
            cell(size(each.size), 9, right=True),
            "  " + cell("" if verdict is Fit.UNKNOWN else verdict, 8),
            (", ".join(notes), "dim"),
        )
        items.append(Item(each.name, line, each.name))
    return items


def prompts(library: Iterable[Prompt]) -> list[Item]:
    """The prompts of the library."""
    return [
        Item(
            each.name,
            Content.assemble((cell(each.name, 16), "bold"), (one_line(each.text)[:60], "dim")),
            f"{each.name} {each.text}",
        )
        for each in library
    ]
