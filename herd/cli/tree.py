"""The verbs of herd, and herd alone: the app on a terminal, the help elsewhere.

A new verb is a module of its own and a line in PANELS.
"""

from __future__ import annotations

import click

from herd import __version__
from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Verb, Verbs

PANELS = {
    "Get models": (
        Verb("search", "search:search", "Find models to install."),
        Verb("info", "card:info", "Show all that is known of a model.", ("show",)),
        Verb("install", "install:install", "Fetch a model, prove it and keep it.", ("pull", "get")),
    ),
    "Downloads": (
        Verb("downloads", "downloads:downloads", "Show what was begun, pause it, limit it, go on."),
    ),
    "Talk": (
        Verb("run", "run:run", "Answer a prompt, or chat in the plain terminal."),
        Verb("chat", "app:chat", "Open the app in a chat."),
        Verb("ps", "running:ps", "Show the models that are loaded now."),
        Verb("stop", "running:stop", "Let a loaded model go, and its memory with it."),
        Verb("serve", "serve:serve", "Serve the installed models to other programs."),
    ),
    "Keep": (
        Verb("list", "listing:list_", "List what is installed.", ("ls",)),
        Verb("verify", "verify:verify", "Prove installed models against their digests."),
        Verb("repair", "repair:repair", "Mend installed models, damaged piece by damaged piece."),
        Verb("import", "importing:import_", "Take over models that are on this machine."),
        Verb(
            "export",
            "export:export",
            "Write installed models into a folder that travels.",
        ),
        Verb("share", "share:share", "Give installed models away by BitTorrent."),
        Verb("df", "disk_use:df", "Show what models take of the disk."),
        Verb("prune", "prune:prune", "Take away what no installed model needs."),
        Verb("move-store", "move_store:move_store", "Move all installed models to another folder."),
        Verb("remove", "remove:remove", "Take a model out of the store.", ("rm", "uninstall")),
    ),
    "herd itself": (
        Verb(
            "doctor", "doctor:doctor", "Look at everything that herd needs, and say what mends it."
        ),
        Verb("registry", "registry:registry", "Show, add, check and make registries."),
        Verb("config", "settings:config_", "Show the settings, or change one."),
        Verb("logs", "logs:logs", "Show the last lines of the logs."),
        Verb("completion", "shell:completion", "Print what makes a shell complete herd's words."),
    ),
}
"""Every verb, by the heading under which help shows it."""

WHAT_IT_IS = """\
Language models on your own machine: fetched, proved, kept, talked to.

\b
herd run smollm2 "Why do llamas hum?"    a model and its answer
herd search code                         what there is, and what fits
herd                                     the app: library, transfers, chat
"""


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"herd {__version__}")
        context.exit()


@click.group(
    cls=Verbs,
    help=WHAT_IT_IS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    """Open the app, or print the help where nobody could see the app."""
    if context.invoked_subcommand is not None:
        return
    from herd.cli.launch import is_seen, open_app

    if not is_seen():
        click.echo(context.get_help())
        return
    session = context.find_object(Session)
    assert session is not None  # noqa: S101  # entry.py gives one to every context
    open_app(session, None)


herd.offer(PANELS)
