"""`herd search`: what could be installed, the nearest to what was asked first."""

from __future__ import annotations

from dataclasses import replace

import click

from herd.cli import options
from herd.cli.listing import HEADS
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.core import memory
from herd.model import Installed, Model, Status
from herd.plan import fit
from herd.registry import Registry, wishes
from herd.registry.catalogue import Trust
from herd.registry.shape import ModelRole
from herd.registry.wishes import Wishes
from herd.words import size

ROLES = [each.value for each in ModelRole]


@click.command(cls=Command)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option("--family", metavar="NAME", help="Only of this family, such as qwen3.")
@click.option("--role", type=click.Choice(ROLES), help="Only what is for this.")
@click.option("--max-size", metavar="SIZE", help="Only what is no larger, such as 4GB.")
@click.option("--fits", is_flag=True, help="Only what fits into the memory of this machine.")
@click.option("--licence", metavar="WORD", help="Only open, conditional..., or under this licence.")
@options.as_json
@options.talk
@options.with_session
def search(
    session: Session,
    words: tuple[str, ...],
    family: str | None,
    role: str | None,
    max_size: str | None,
    fits: bool,
    licence: str | None,
    as_json: bool,
) -> None:
    """Find models to install.

    A model is found if every WORD occurs in its name, what it is for, its family, its licence
    or its description; without a WORD all are. The variant shown is the one that a plain
    `herd install NAME` takes, or else the largest that is as asked.
    """
    most = None if max_size is None else wishes.size(max_size)
    asked = Wishes(family, role, most, memory() if fits else None, licence)
    found = _found(session.herd.registry, words, asked)
    held: dict[str, list[Installed]] = {}
    for each in session.herd.store.installed():
        held.setdefault(each.name, []).append(each)
    if as_json:
        from herd.cli.json_forms import model_form

        session.answer_json([model_form(model, held.get(model.name, ())) for model in found])
    elif found:
        registry = session.herd.registry
        rows = [_offered(model, registry, is_installed=model.name in held) for model in found]
        session.answer_table(HEADS, rows, right=("SIZE",))
        session.suggest(f"herd info {found[0].name}")
    else:
        what = f"has {' and '.join(words)} in what is known of it" if words else "is like that"
        session.say(f"No model {what}.")
        session.suggest("herd search")


def _found(registry: Registry, words: tuple[str, ...], asked: Wishes) -> list[Model]:
    """What a registry offers, the nearest to the words first, by the variant that is as asked."""
    if asked.family or asked.licence:
        wishes.check(asked, registry.models)
    return [
        replace(model, default=variant.name)
        for model in registry.search(words)
        if (variant := asked.variant(model))
    ]


def _offered(model: Model, registry: Registry, *, is_installed: bool) -> list[str]:
    variant = model.variant()
    bytes_of_it = variant.size if variant else None
    return [
        model.name,
        variant.name if variant else "",
        size(bytes_of_it),
        str(fit(bytes_of_it, memory())),
        model.licence.id,
        model.role,
        _note(model, registry, is_installed=is_installed),
    ]


def _note(model: Model, registry: Registry, *, is_installed: bool) -> str:
    notes = ["installed"] if is_installed else []
    if model.is_recommended:
        notes.append("recommended")
    if model.status is not Status.ACTIVE:
        notes.append("withdrawn" if model.status is Status.REVOKED else str(model.status))
    origin = registry.origin(model)
    if origin and origin.trust is Trust.UNSIGNED:
        notes.append(f"from {origin.name}, unsigned")
    return ", ".join(notes)
