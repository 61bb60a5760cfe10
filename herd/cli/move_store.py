"""`herd move-store`: the store in another folder, and herd looking there from now on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.places import expanded
from herd.words import count, size

if TYPE_CHECKING:
    from herd.model import Installed


@click.command("move-store", cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@options.yes
@options.talk
@options.with_session
def move_store(session: Session, folder: str, yes: bool) -> None:
    """Move all installed models to another folder.

    It may be on another drive; every byte is proved on the way. herd looks in DIR from then on
    (`store` in config.toml); conversations and settings stay where they are. Unfinished downloads
    go along, but for those that another herd works on now. After Ctrl-C the same command goes on.
    """
    from herd import move_store
    from herd.cli.task import done
    from herd.config_file import put
    from herd.store import Store

    herd = session.herd
    where, home = expanded(folder).absolute(), herd.places.store
    # What an earlier try moved, and was stopped before it cleared, is still at home.
    old = Store(herd.places) if where == herd.store.root else herd.store
    if where != home:
        move_store.check(old, where)
    models = old.own()
    what = f"{count(len(models), 'model')}, {size(sum(each.size for each in models))},"
    question = f"Move {what} from {old.root} to {where}?"
    if not yes and session.can_ask and not session.confirm(question, default=False):
        session.say("Nothing was moved.")
        return
    new, work = Store(replace(herd.places, store=where)), move_store.Work()
    new.make()

    def move() -> tuple[tuple[Installed, ...], int]:
        return move_store.move(old, new, work), move_store.carry(old, new, work)

    moved, left = done(session, "move-store", work.gauge, work.stop, move)
    put(herd.places.config_file, "store", None if where == home else str(where))
    freed = move_store.clear(old, moved)
    if left:
        session.say(f"{count(left, 'download')} of another herd stayed at {old.root}.")
    session.say(f"Moved {what} to {where}; {size(freed)} freed at {old.root}.")
