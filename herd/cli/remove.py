"""`herd remove`: say what it frees, ask, and do it."""

from __future__ import annotations

from collections.abc import Iterable

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.model import Installed
from herd.words import size


@click.command(cls=Command)
@click.argument(
    "names", metavar="NAME...", nargs=-1, required=True, shell_complete=completion.installed
)
@options.yes
@options.talk
@options.with_session
def remove(session: Session, names: tuple[str, ...], yes: bool) -> None:
    """Take a model out of the store.

    On a terminal it says what that frees and asks; -y does not ask. Bytes that another
    installed model has too stay.
    """
    doomed = dict.fromkeys(session.herd.installed(name) for name in names)
    for model in doomed:
        if not yes and session.can_ask and not _confirmed(session, model):
            session.say(f"{model.reference} stays.")
            continue
        session.say(f"Removed {model.reference}: {size(session.herd.remove(model))} freed.")


def _confirmed(session: Session, model: Installed) -> bool:
    freed = size(frees(model, session.herd.store.installed()))
    return session.confirm(f"Remove {model.reference}? That frees {freed}.", default=False)


def frees(model: Installed, held: Iterable[Installed]) -> int:
    """Bytes that only this model has."""
    others = {
        file.sha256 for each in held if each.reference != model.reference for file in each.files
    }
    return sum(
        {file.sha256: file.size for file in model.files if file.sha256 not in others}.values()
    )
