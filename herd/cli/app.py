"""`herd chat`: the app, opened in a chat."""

from __future__ import annotations

import click

from herd.cli import completion, options
from herd.cli.launch import open_app
from herd.cli.session import Session
from herd.cli.verbs import Command


@click.command(cls=Command)
@click.argument("model", required=False, shell_complete=completion.installed)
@options.talk
@options.with_session
def chat(session: Session, model: str | None) -> None:
    """Open the app in a chat.

    MODEL is an installed one; without it the chat opens with the model of the configuration, or
    with the last one installed where that is not.
    `herd run MODEL` is a chat in the plain terminal.
    """
    held = session.herd.installed(model) if model is not None else session.herd.first_model()
    open_app(session, str(held.reference) if held else session.herd.config.model)
