"""`herd remove`: say what it frees, ask, and do it."""

from __future__ import annotations

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
    from herd.usage import frees

    doomed = dict.fromkeys(session.herd.installed(name) for name in names)
    for model in doomed:
        freed = size(frees(model, session.herd.store.installed()))
        question = f"Remove {model.reference}? That frees {freed}."
        if not yes and session.can_ask and not session.confirm(question, default=False):
            session.say(f"{model.reference} stays.")
            continue
        done = session.herd.remove(model)
        why = f" ({_why(model)})" if done < model.size else ""
        session.say(f"Removed {model.reference}: {size(done)} freed{why}.")


def _why(model: Installed) -> str:
    """Why not all of its bytes are free now."""
    if any(file.adopted for file in model.files):
        return "the rest is another tool's, which keeps it"
    return "the rest is needed by other models"
