"""`herd remove`: say what it frees, ask, and do it."""

from __future__ import annotations

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
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
    from herd.usage import frees, why_less

    doomed = dict.fromkeys(session.herd.installed(name) for name in names)
    for model in doomed:
        held = session.herd.store.installed()
        freed, why = frees(model, held), why_less(model, held)
        question = f"Remove {model.reference}? That frees {size(freed)}{f': {why}' if why else ''}."
        if not yes and session.can_ask and not session.confirm(question, default=False):
            session.say(f"{model.reference} stays.")
            continue
        done = session.herd.remove(model)
        because = f" ({why})" if why and done < model.size else ""
        session.say(f"Removed {model.reference}: {size(done)} freed{because}.")
