"""`herd config`: the settings in force, where each comes from, and how to change one."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import click

from herd import config
from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.config import ENVIRONMENT, Config
from herd.config_file import document, literal, put, read
from herd.errors import BadUsage, NotInstalled
from herd.rules import hours


@click.command("config", cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the setting out of the file: herd's own is back.")
@options.as_json
@options.talk
@options.with_session
def config_(
    session: Session, name: str | None, value: str | None, unset: bool, as_json: bool
) -> None:
    """Show the settings, or change one.

    Without NAME all are shown, with what each comes from; with a NAME its value alone, and
    beside it what it means; a VALUE is written to config.toml, whose comments stay.
    """
    path = session.herd.places.config_file
    if value is not None or unset:
        if name is None or (value is not None and unset):
            raise BadUsage(
                "--unset takes the NAME of a setting alone.", "`herd config` lists them."
            )
        _change(session, path, name, value)
        return
    now = session.herd.config
    if name is not None:
        found = _value(now, name)
        if as_json:
            session.answer_json(found)
        else:
            session.answer(literal(found))
            session.say(meaning(name))
    elif as_json:
        session.answer_json({each: getattr(now, each) for each in ENVIRONMENT})
    else:
        rows = [(each, literal(getattr(now, each)), _origin(path, each)) for each in ENVIRONMENT]
        session.answer_table(("SETTING", "VALUE", "FROM"), rows)
        session.say("`herd config NAME` says what one means.")


def _value(now: Config, name: str) -> object:
    if name not in ENVIRONMENT:
        config.parse(name, "")
    found: object = getattr(now, name)
    return found


def meaning(name: str) -> str:
    """What a setting means: the string below its field in Config."""
    import ast
    import inspect

    [config_class] = ast.parse(inspect.getsource(Config)).body
    lines = config_class.body if isinstance(config_class, ast.ClassDef) else []
    for above, below in pairwise(lines):
        match above, below:
            case (
                ast.AnnAssign(target=ast.Name(id=found)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if found == name:
                return inspect.cleandoc(text)
    return ""


def _origin(path: Path, name: str) -> str:
    if os.environ.get(ENVIRONMENT[name]):
        return ENVIRONMENT[name]
    return str(path) if name in document(read(path)) else "herd"


def _change(session: Session, path: Path, name: str, value: str | None) -> None:
    """Write the setting, or take it out.

    Raises:
        ConfigError: no such setting, no such value, or a file that must be edited by hand.
        UnknownModel: no such model.
        CannotWrite, NoRoom: the file is as it was.
    """
    wanted = None if value is None else config.parse(name, value)
    if name == "download_hours" and value is not None:
        hours(value)
    if name == "model" and value is not None:
        _known_model(session, value)
    if value is None:
        config.parse(name, str(getattr(Config, name, "")))
    put(path, name, wanted)
    is_set = "is herd's own again" if wanted is None else f"is {literal(wanted)} from now on"
    session.say(f"{name} {is_set} ({path}).")
    if os.environ.get(ENVIRONMENT[name]):
        session.say(f"{ENVIRONMENT[name]} is set and goes before it.")


def _known_model(session: Session, name: str) -> None:
    """Refuse a model that is neither installed nor offered.

    Raises:
        UnknownModel: nobody knows it.
    """
    with suppress(NotInstalled):
        session.herd.installed(name)
