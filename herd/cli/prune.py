"""`herd prune`: show what no installed model needs, ask, and take it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.words import size

if TYPE_CHECKING:
    from herd.store.pruning import Litter


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Show what would go, and stop.")
@options.yes
@options.talk
@options.with_session
def prune(session: Session, dry_run: bool, yes: bool) -> None:
    """Take away what no installed model needs.

    That is: downloads that were begun and not finished, blobs that no model names, and names
    that lead nowhere. What another herd works on now stays. Nothing goes without a yes: on a
    terminal it asks, elsewhere -y says it.
    """
    litter = session.herd.store.litter()
    if litter.is_empty:
        session.say("There is nothing to prune.")
        return
    session.answer_table(("WHAT", "SIZE", "WHERE"), _rows(litter), right=("SIZE",))
    if dry_run or not (yes or _confirmed(session, litter)):
        session.say(f"Nothing was taken away; it would free {size(litter.size)}.")
        return
    session.say(f"Pruned: {size(session.herd.store.prune(litter))} freed.")


def _confirmed(session: Session, litter: Litter) -> bool:
    question = f"Take all of it away? That frees {size(litter.size)}."
    return session.can_ask and session.confirm(question, default=False)


def _rows(litter: Litter) -> list[list[str]]:
    begun = [["unfinished", size(each.size), str(each.staged.part)] for each in litter.begun]
    spare = [["no model's", size(each.size), str(each.path)] for each in litter.spare]
    return begun + spare + [["lost name", "", str(each)] for each in litter.orphans]
