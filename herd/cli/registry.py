"""`herd registry`: the registries that models are found in, and tools for those who make them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import click

from herd.cli import options, registry_make
from herd.cli.registry_check import check
from herd.cli.session import Session
from herd.cli.verbs import Command, Group
from herd.errors import BadUsage
from herd.places import expanded
from herd.words import count

T = TypeVar("T")

HEADS = ("NAME", "MODELS", "TRUST", "UPDATED", "FROM")


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def registry(context: click.Context) -> None:
    """Show, add, check and make registries.

    A registry is a YAML file that lists models and the sources of their files. herd ships one;
    those that you add come after it, and none can take a name that an earlier one has.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@registry.command("list", cls=Command)
@options.as_json
@options.talk
@options.with_session
def list_(session: Session, as_json: bool = False) -> None:
    """List the registries in their order.

    An unsigned registry can be changed by whoever can change its address; its models still
    have to match the digests that it gives.
    """
    found = session.herd.registry
    if as_json:
        session.answer_json(
            [
                {
                    "name": each.name,
                    "models": each.models,
                    "trust": str(each.trust),
                    "updated": each.updated,
                    "location": each.location,
                    "hidden": [it.name for it in found.hidden if it.registry == each.name],
                }
                for each in found.origins
            ]
        )
        return
    rows = [
        (each.name, str(each.models), str(each.trust), each.updated or "", each.location)
        for each in found.origins
    ]
    session.answer_table(HEADS, rows, right=("MODELS",))
    for it in found.hidden:
        session.say(f"{it.name} of {it.registry} is hidden: {it.owner} has that name.")


@registry.command(cls=Command)
@click.argument("location", metavar="URL|PATH|GIT-URL")
@click.option("--key", metavar="KEY", help="The public key it must be signed with, or its file.")
@click.option("--name", metavar="NAME", help="What to call it, where it has no name of its own.")
@options.talk
@options.with_session
def add(session: Session, location: str, key: str | None, name: str | None) -> None:
    """Add a registry.

    From an https address, a file or folder on this machine, or a git repository
    (git+https://host/repository#path/registry.yaml). A signature beside it (.minisig) is
    checked, now and at every update, with the KEY that you give or that lies beside it (.pub).
    """
    from herd.registries.keep import Wanted, add

    wanted = Wanted(location, _key(key), name)
    kept = _followed(session, location, lambda stop: add(session.herd.places, wanted, stop))
    origin = kept.origin
    session.say(f"Added {origin.name}: {count(origin.models, 'model')}, {origin.trust}.")
    if name not in (None, origin.name):
        session.say(f"It calls itself {origin.name}, so {name} is not its name here.")
    if kept.found_key:
        session.say(
            f"Its key lay beside it and is trusted from now on: {kept.added.key}. "
            "Compare it with what its makers publish elsewhere."
        )
    if kept.added.key is None:
        session.say("It is unsigned: whoever can change its address can change what it offers.")
    for it in kept.hidden:
        session.say(f"{it.name} of it is hidden: {it.owner} has that name.")
    session.suggest("herd search")


def _followed(session: Session, note: str, work: Callable[[threading.Event], T]) -> T:
    """Do what asks the network, show that it goes on, and stop at Ctrl-C."""
    from herd.cli.task import done
    from herd.progress import Gauge, Stage

    gauge, stop = Gauge(), threading.Event()
    gauge.begin(Stage.FETCHING, note=note)
    return done(session, "registry", gauge, stop, lambda: work(stop))


def _key(text: str | None) -> str | None:
    """A key given as text or as the path of its file."""
    if text is None or text.startswith("RW") or not expanded(text).is_file():
        return text
    from herd.registries.signature import MOST

    try:
        with expanded(text).open(encoding="utf-8", errors="replace") as stream:
            return stream.read(MOST)
    except OSError as error:
        raise BadUsage(f"{text} cannot be read: {error.strerror}.") from error


@registry.command(cls=Command)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@options.talk
@options.with_session
def update(session: Session, names: tuple[str, ...]) -> None:
    """Bring added registries again, all of them or those named.

    What does not come, does not read or is not signed by its key leaves the last good copy.
    """
    from herd.registries.keep import Fate, update

    updates = _followed(
        session, ", ".join(names), lambda stop: update(session.herd.places, names, stop)
    )
    if not updates:
        session.say("No registry was added: herd's own comes with herd.")
    for each in updates:
        is_left = each.fate is Fate.FAILED
        session.say(f"{each.name}: {'the last good copy stays' if is_left else each.fate}.")
    session.fail_with([each.error for each in updates if each.error])


@registry.command(cls=Command)
@click.argument("name")
@options.talk
@options.with_session
def remove(session: Session, name: str) -> None:
    """Take an added registry away; what was installed from it stays."""
    from herd.registries.keep import remove

    gone = remove(session.herd.places, name)
    session.say(f"Removed {gone.name}, which came from {gone.location}.")


for command in (check, registry_make.make, registry_make.import_):
    registry.add_command(command)
