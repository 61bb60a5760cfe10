"""`herd list` and `herd search`: what is installed, and what could be."""

from __future__ import annotations

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.table import table
from herd.cli.verbs import Command
from herd.core import memory
from herd.model import Installed, Model, Status
from herd.plan import fit
from herd.words import size

HEADS = ("NAME", "VARIANT", "SIZE", "FIT", "LICENCE", "ROLE", "NOTE")


@click.command("list", cls=Command)
@options.as_json
@options.talk
@options.with_session
def list_(session: Session, as_json: bool) -> None:
    """List what is installed.

    FIT is a first verdict from the size of the model and the memory of this machine.
    """
    held = session.herd.store.installed()
    if as_json:
        from herd.cli.forms import installed_form

        session.answer_json([installed_form(session.herd, each) for each in held])
    elif held:
        session.answer(table(HEADS, [_held(each) for each in held], right=("SIZE",)))
    else:
        session.say("Nothing is installed yet.")
        session.suggest("herd install smollm2")
    for path in session.herd.store.damaged():
        session.say(f"{path} does not read as a manifest: what it stood for is not listed.")


@click.command(cls=Command)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@options.as_json
@options.talk
@options.with_session
def search(session: Session, words: tuple[str, ...], as_json: bool) -> None:
    """Find models to install.

    A model is found if every WORD occurs in its name, what it is for, its family, its licence
    or its description; without a WORD all are. The variant shown is the one that a plain
    `herd install NAME` takes.
    """
    found = session.herd.registry.search(words)
    held: dict[str, list[Installed]] = {}
    for each in session.herd.store.installed():
        held.setdefault(each.name, []).append(each)
    if as_json:
        from herd.cli.forms import model_form

        session.answer_json([model_form(model, held.get(model.name, ())) for model in found])
    elif found:
        rows = [_offered(model, is_installed=model.name in held) for model in found]
        session.answer(table(HEADS, rows, right=("SIZE",)))
        session.suggest(f"herd info {found[0].name}")
    else:
        session.say(f"No model has {' and '.join(words)} in what is known of it.")
        session.suggest("herd search")


def _held(model: Installed) -> list[str]:
    return [
        model.name,
        model.variant,
        size(model.size),
        str(fit(model.size, memory())),
        model.licence.id,
        model.role,
        "" if model.is_verified else "unverified",
    ]


def _offered(model: Model, *, is_installed: bool) -> list[str]:
    variant = model.variant()
    bytes_of_it = variant.size if variant else None
    return [
        model.name,
        variant.name if variant else "",
        size(bytes_of_it),
        str(fit(bytes_of_it, memory())),
        model.licence.id,
        model.role,
        _note(model, is_installed=is_installed),
    ]


def _note(model: Model, *, is_installed: bool) -> str:
    notes = ["installed"] if is_installed else []
    if model.status is not Status.ACTIVE:
        notes.append("withdrawn" if model.status is Status.REVOKED else str(model.status))
    return ", ".join(notes)
