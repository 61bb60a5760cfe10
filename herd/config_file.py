"""Changing one setting in config.toml, with every comment kept."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from herd import disk
from herd.errors import ConfigError

_LINE = (
    r"""^[ \t]*{name}[ \t]*=(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\n#"'])*?"""
    r"(?P<rest>[ \t]*(?:#[^\n]*)?(?:\n|\Z))"
)
"""A setting with its value, and the comment behind it."""
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
"""Where the first table begins; what comes after belongs to it."""


def put(path: Path, name: str, value: object | None) -> None:
    """Write a setting into config.toml, or take it out; comments stay.

    Raises:
        ConfigError: the file must be edited by hand.
        CannotWrite, NoRoom: the file is as it was.
    """
    with disk.writing(path):
        disk.make_folder(path.parent)
        disk.write_whole(path, lambda: edited(read(path), name, value).encode())


def edited(text: str, name: str, value: object | None) -> str:
    """The text of config.toml with the setting changed, everything else as it was. Pure.

    Args:
        text: What the file holds.
        name: The setting.
        value: None takes it out.

    Raises:
        ConfigError: the file is written in a way that this cannot change.
    """
    before = document(text)
    line = re.compile(_LINE.format(name=f"(?:{name}|\"{name}\"|'{name}')"), re.MULTILINE)
    wanted = {key: each for key, each in before.items() if key != name}
    first = _TABLE.search(text)
    head, tables = (text[: first.start()], text[first.start() :]) if first else (text, "")
    if value is None:
        head = line.sub("", head)
    else:
        wanted[name] = value
        setting = f"{name} = {literal(value)}"
        if name in before:
            head = line.sub(lambda old: setting + old["rest"], head)
        else:
            head += ("\n" if head and not head.endswith("\n") else "") + setting + "\n"
    after = head + tables
    try:
        is_right = tomllib.loads(after) == wanted
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        raise ConfigError(f"{name} is written in a way that herd cannot change.", "Edit the file.")
    return after


def read(path: Path) -> str:
    """The text of config.toml, empty where there is none.

    Raises:
        ConfigError: it does not read.
    """
    try:
        with disk.ordinary(path) as stream:
            return stream.read().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError(f"{path} does not read: {reason}.", "Mend or remove the file.") from error


def document(text: str) -> dict[str, object]:
    """What the text says.

    Raises:
        ConfigError: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config.toml does not read: {error}.", "Mend or remove it.") from error


def literal(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
