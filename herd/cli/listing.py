"""`herd list` and `herd search`: what is installed, and what could be."""

from __future__ import annotations

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.table import table
from herd.cli.verbs import Command
from herd.core import memory
from herd.library import Entry
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
    found = _found(session, words)
    if as_json:
        from herd.cli.forms import model_form

        forms = [model_form(each.model, each.installed) for each in found if each.model]
        session.answer_json(forms)
    elif found:
        session.answer(table(HEADS, [_offered(entry) for entry in found], right=("SIZE",)))
        session.suggest(f"herd info {found[0].name}")
    else:
        session.say(f"No model has {' and '.join(words)} in what is known of it.")
        session.suggest("herd search")


def _found(session: Session, words: tuple[str, ...]) -> list[Entry]:
    """What a registry offers, the nearest to the words first."""
    held = {entry.name: entry.installed for entry in session.herd.shelf()}
    models = session.herd.registry.search(words)
    return [Entry(model.name, model, held.get(model.name, ())) for model in models]


def _held(model: Installed) -> list[str]:
    note = "" if model.is_verified else "unverified"
    return [
        model.name,
        model.variant,
        size(model.size),
        str(fit(model.size, memory())),
        model.licence.id,
        model.role,
        note,
    ]


def _offered(entry: Entry) -> list[str]:
    variant = entry.model.variant() if entry.model else None
    bytes_of_it = variant.size if variant else entry.size
    return [
        entry.name,
        variant.name if variant else "",
        size(bytes_of_it),
        str(fit(bytes_of_it, memory())),
        entry.licence.id,
        entry.role,
        _note(entry.model, is_installed=entry.is_installed),
    ]


def _note(model: Model | None, *, is_installed: bool) -> str:
    notes = ["installed"] if is_installed else []
    if model and model.status is not Status.ACTIVE:
        notes.append("withdrawn" if model.status is Status.REVOKED else str(model.status))
    return ", ".join(notes)
