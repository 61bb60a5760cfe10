"""`herd ps` and `herd stop`: models that are loaded on this machine, by whichever herd."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from herd.cli import completion, options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.errors import UnknownModel
from herd.model import reference
from herd.words import duration, size

if TYPE_CHECKING:
    from herd.engine.running import Running

HEADS = ("NAME", "MEMORY", "CONTEXT", "ON", "DOES", "USED", "FOR")


@click.command(cls=Command)
@click.option("--why", is_flag=True, help="Say how each was loaded, and why so.")
@options.as_json
@options.talk
@options.with_session
def ps(session: Session, why: bool, as_json: bool) -> None:
    """Show the models that are loaded now.

    Whichever herd has them: the app, `herd run`, `herd serve`. ON is what computes, FOR the
    command that loaded the model.
    """
    from herd.engine.running import owners

    found = session.herd.running()
    for_whom = list(owners(found))
    if as_json:
        session.answer_json([_form(*each) for each in zip(found, for_whom, strict=True)])
    elif found:
        rows = [_row(*each) for each in zip(found, for_whom, strict=True)]
        session.answer_table(HEADS, rows, right=("MEMORY", "CONTEXT"))
        for one in found if why else ():
            session.answer(f"\n{one.reference}: {one.ready.verdict}")
            session.answer("\n".join(f"  {each}" for each in _reasons(one)))
    else:
        session.say("No model is loaded.")


@click.command(cls=Command)
@click.argument(
    "names", metavar="NAME...", nargs=-1, required=True, shell_complete=completion.installed
)
@options.talk
@options.with_session
def stop(session: Session, names: tuple[str, ...]) -> None:
    """Let a loaded model go, and its memory with it.

    Whichever herd has it. What it is saying ends there, and its words stay; the next question
    loads it again.
    """
    from herd.engine.running import let_go

    for name in names:
        wanted = reference(name)
        found = [each for each in session.herd.running() if _is(each, session, name)]
        if not found:
            raise UnknownModel(f"{wanted} is not loaded.", "`herd ps` shows what is.")
        for each in found:
            let_go(each)
            session.say(f"{each.reference} was let go: {size(each.memory)} freed.")


def _is(one: Running, session: Session, name: str) -> bool:
    """Whether this is the name of that model, or an alias, with or without the variant."""
    wanted = reference(name)
    if one.reference in (str(wanted), name) or one.reference.partition(":")[0] == str(wanted):
        return True
    try:
        return one.reference == str(session.herd.installed(name).reference)
    except UnknownModel:
        return False


def _reasons(one: Running) -> list[str]:
    ready = one.ready
    reckoned = f"reckoned {size(ready.expected)}, takes {size(one.memory)}"
    chosen = [f"keys and values in {ready.cache}", f"chat template: {ready.template}"]
    return [*ready.why, *chosen, reckoned]


def _row(one: Running, for_whom: str) -> list[str]:
    ready = one.ready
    device = ready.device
    if 0 < ready.gpu_layers < ready.layers:
        device += f" ({ready.gpu_layers} of {ready.layers} layers)"
    used = f"{duration(max(0.0, time.time() - one.used_at))} ago"
    context = f"{ready.context:,}"
    return [one.reference, size(one.memory), context, device, one.phase, used, for_whom]


def _form(one: Running, for_whom: str) -> dict[str, object]:
    return {
        "reference": one.reference,
        "pid": one.pid,
        "owner": one.owner,
        "command": for_whom,
        "phase": one.phase,
        "used_at": one.used_at,
        "memory": one.memory,
        **vars(one.ready),
    }
