"""`herd list`: what is installed."""

from __future__ import annotations

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.core import memory
from herd.model import Installed
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
    shelf = session.herd.store.shelf()
    held = shelf.installed
    if session.herd.store.is_away:
        session.say(f"The store at {session.herd.store.root} is not there: is its drive unplugged?")
    if as_json:
        from herd.cli.json_forms import installed_form

        session.answer_json([installed_form(session.herd, each) for each in held])
    elif held:
        session.answer_table(HEADS, [_held(each) for each in held], right=("SIZE",))
    elif not session.herd.store.is_away:
        session.say("Nothing is installed yet.")
        session.suggest("herd install smollm2")
    for path in shelf.damaged:
        session.say(f"{path} does not read as a manifest: what it stood for is not listed.")


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
