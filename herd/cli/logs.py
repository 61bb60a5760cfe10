"""`herd logs`: where the logs are, and the last lines of them."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command, Option
from herd.errors import HerdError

TAIL = 1 << 20
"""Bytes from the end of a log that are looked at."""


@click.command(cls=Command)
@click.option(
    "-n",
    "lines",
    type=click.IntRange(0),
    default=20,
    metavar="N",
    cls=Option,
    help="The last N lines of each; 20 unless told.",
)
@click.option("--engine", is_flag=True, help="Only what llama.cpp says.")
@click.option("--path", "is_path", is_flag=True, help="Print the paths alone.")
@options.talk
@options.with_session
def logs(session: Session, lines: int, engine: bool, is_path: bool) -> None:
    """Show the last lines of the logs.

    herd.log has what went wrong in herd, engine.log what llama.cpp said. Neither has prompts,
    answers or passwords.
    """
    where = session.herd.places
    for path in [where.engine_log] if engine else [where.log_file, where.engine_log]:
        if is_path:
            session.answer(str(path))
            continue
        session.say(f"{path}:")
        for line in last(path, lines):
            session.answer(line)


def last(path: Path, lines: int) -> list[str]:
    """The last lines of a text file; none where there is no file.

    Raises:
        HerdError: the file is there and does not read.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
            return list(deque(stream.read().decode(errors="replace").splitlines(), maxlen=lines))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HerdError(f"{path} does not read: {error.strerror}.") from error
