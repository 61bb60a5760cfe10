"""`herd doctor`: what works here, and the command that mends what does not."""

from __future__ import annotations

import sys

import click

from herd.cli import options
from herd.cli.plan_text import hanging
from herd.cli.session import Session
from herd.cli.terminal import DIM, GREEN, RED, YELLOW, one_line, plain, styled
from herd.cli.verbs import Command
from herd.errors import EngineFailed

_SIGNS = {"good": ("ok", GREEN), "note": ("--", YELLOW), "bad": ("!!", RED)}


@click.command(cls=Command)
@click.option("--offline", is_flag=True, help="Do not try the network.")
@options.as_json
@options.talk
@options.with_session
def doctor(session: Session, offline: bool, as_json: bool) -> None:
    """Look at everything that herd needs, and say what mends it.

    Devices and their speed with a small model, llama.cpp, the store, the disk, the registry,
    the network, the terminal. The exit code is 8 if something is bad.
    """
    from herd.doctor import findings

    found = []
    for each in findings(session.herd, is_offline=offline):
        found.append(each)
        if as_json:
            continue
        sign, colour = _SIGNS[each.grade]
        lines = "\n".join(hanging(f"{sign}  {each.subject:<16} ", one_line(each.text)))
        mark = styled(sign, colour, sys.stdout)
        session.answer(lines.removeprefix(sign), styled=mark)
        if each.mend:
            session.answer("", styled=" " * 21 + styled(plain(each.mend), DIM, sys.stdout))
    if as_json:
        session.answer_json([{**vars(each), "grade": str(each.grade)} for each in found])
    bad = [each.subject for each in found if each.grade == "bad"]
    if bad:
        subjects = ", ".join(dict.fromkeys(bad))
        raise EngineFailed(f"Not everything works: {subjects}.", "What mends it stands below each.")
