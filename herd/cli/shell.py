"""`herd completion`: the lines that teach a shell to complete verbs, options and models."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from herd.cli import options
from herd.cli.entry import COMPLETE
from herd.cli.session import Session
from herd.cli.verbs import Command

HOW = {
    "bash": 'eval "$(herd completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(herd completion zsh)" in ~/.zshrc',
    "fish": "herd completion fish > ~/.config/fish/completions/herd.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(list(HOW)))
@options.talk
@options.with_session
def completion(session: Session, shell: str) -> None:
    """Print what makes a shell complete herd's words.

    bash and zsh: `eval "$(herd completion bash)"` in ~/.bashrc or ~/.zshrc. fish:
    `herd completion fish > ~/.config/fish/completions/herd.fish`.
    """
    from herd.cli.tree import herd

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  # click has these three
    session.answer(kind(herd, {}, "herd", COMPLETE).source())
    session.suggest(HOW[shell])
