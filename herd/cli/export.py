"""`herd export`: installed models as bundles, for a stick."""

from __future__ import annotations

from pathlib import Path

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.model import Installed
from herd.places import expanded
from herd.words import size


@click.command(cls=Command)
@click.argument(
    "names", metavar="NAME...", nargs=-1, required=True, shell_complete=completion.installed
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@options.talk
@options.with_session
def export(session: Session, names: tuple[str, ...], folder: str) -> None:
    """Write installed models into a folder that travels.

    Each bundle has the weights under their real names, the manifest, piece tables, the licence
    and the registry entry. `herd import DIR` proves it and installs it elsewhere, and completes
    what a torn copy lacks. Written again, only what is missing or damaged is copied.
    """
    models = [session.herd.installed(name) for name in names]
    where = expanded(folder).absolute()
    for model in models:
        _one(session, model, where)
    session.suggest(f"herd import {folder}")


def _one(session: Session, model: Installed, where: Path) -> None:
    from herd.bundle import Work, write
    from herd.cli.task import done

    if not model.licence.is_redistributable:
        session.say(f"The licence of {model.reference} does not let you give it on.")
    work, store, name = Work(), session.herd.store, str(model.reference)
    bundle = done(session, name, work.gauge, work.stop, lambda: write(store, model, where, work))
    session.say(f"Exported {model.reference}: {size(model.size)}, proved on the way.")
    session.answer(str(bundle.folder))
