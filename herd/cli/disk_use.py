"""`herd df`: what each model takes of the disk, what is shared, and what prune would free."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from herd.cli import options
from herd.cli.session import Session
from herd.cli.verbs import Command
from herd.words import count, size

if TYPE_CHECKING:
    from herd.usage import Usage, Use

HEADS = ("NAME", "SIZE", "FREES", "SHARED", "LINKED", "")
BAR = 20
"""Columns of the longest bar."""


@click.command(cls=Command)
@options.as_json
@options.talk
@options.with_session
def df(session: Session, as_json: bool) -> None:
    """Show what models take of the disk.

    FREES is what removing that model alone would free. SHARED bytes belong to several models
    and are there once; LINKED ones are another tool's files. The last lines say what is under
    way, what `herd prune` would free, and what is left on the disk.
    """
    from herd.usage import usage

    found = usage(session.herd.store)
    if as_json:
        session.answer_json(_form(found))
        return
    if found.models:
        most = max(use.size for use in found.models)
        rows = [_row(use, most) for use in found.models]
        session.answer_table(HEADS, rows, right=("SIZE", "FREES", "SHARED", "LINKED"))
    for label, text in _totals(found):
        session.answer(f"{label:<10}{text}")
    if not found.litter.is_empty:
        session.suggest("herd prune")


def _row(use: Use, most: int) -> list[str]:
    return [
        str(use.reference),
        size(use.size),
        size(use.own),
        size(use.shared) if use.shared else "",
        size(use.adopted) if use.adopted else "",
        _bar(use, most),
    ]


def _bar(use: Use, most: int) -> str:
    """Full blocks for what the model alone has, light ones for what it shares."""
    full, light = ("█", "░") if _can_draw() else ("#", "-")
    wide = round(BAR * use.size / most) if most else 0
    own = round(wide * use.own / use.size) if use.size else 0
    return full * own + light * (wide - own)


def _can_draw() -> bool:
    try:
        "█░".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _totals(found: Usage) -> list[tuple[str, str]]:
    litter = found.litter
    linked = f", {size(found.adopted)} of them other tools' files" if found.adopted else ""
    lines = [("models", f"{size(found.total)} in {count(len(found.models), 'model')}{linked}")]
    if litter.begun:
        staged = sum(each.size for each in litter.begun)
        lines.append(("begun", f"{size(staged)} in {count(len(litter.begun), 'unfinished file')}"))
    if not litter.is_empty:
        lines.append(("prune", f"would free {size(litter.size)}"))
    return [*lines, ("free", f"{size(found.free)} on this disk")]


def _form(found: Usage) -> dict[str, object]:
    return {
        "models": [
            {
                "reference": str(use.reference),
                "size": use.size,
                "frees": use.own,
                "shared": use.shared,
                "linked": use.adopted,
            }
            for use in found.models
        ],
        "total": found.total,
        "linked": found.adopted,
        "begun": sum(each.size for each in found.litter.begun),
        "prune": found.litter.size,
        "free": found.free,
    }
