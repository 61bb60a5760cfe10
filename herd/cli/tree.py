"""The verbs of herd, and herd alone: the app on a terminal, the help elsewhere."""

from __future__ import annotations

import sys

import rich_click as click

from herd import __version__
from herd.cli import options
from herd.cli.app import chat, open_app
from herd.cli.install import install
from herd.cli.remove import remove
from herd.cli.session import Session
from herd.cli.terminal import is_terminal

LOOKS = {
    "style_commands_panel_box": "SIMPLE",
    "commands_before_options": True,
    "max_width": 100,
    "commands_table_column_types": ["name", "aliases", "help"],
}


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"herd {__version__}")
        context.exit()


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "rich_help_config": LOOKS},
    epilog="`herd VERB --help` says more of each. Files, settings, chats: all on this machine.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Print the version.",
)
@options.talk
@click.pass_context
def herd(context: click.Context) -> None:
    r"""Language models on your own machine: fetched, proved, kept, talked to.

    \b
    herd run smollm2 "Why do llamas hum?"    a model and its answer, in one line
    herd search code                         what there is, and what fits this machine
    herd                                     the app: library, transfers, chat
    """
    if context.invoked_subcommand is not None:
        return
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        click.echo(context.get_help())
        return
    session = context.find_object(Session)
    assert session is not None  # noqa: S101  # entry.py gives one to every context
    open_app(session, None)


for panel, verbs in (
    ("Get models", (install,)),
    ("Talk", (chat,)),
    ("Keep", (remove,)),
):
    for verb in verbs:
        herd.add_command(verb, panel=panel)
