"""Every command of the app, declared once.

Key bindings, the footer, the palette, slash commands and the help screen are all made
from these lists.
"""

from __future__ import annotations

from textual.binding import BindingType

from herd_tui.commands.chat import CHAT
from herd_tui.commands.command import Command, Scope
from herd_tui.commands.everywhere import EVERYWHERE
from herd_tui.commands.library import LIBRARY
from herd_tui.commands.transfers import TRANSFERS

__all__ = ["COMMANDS", "Command", "Scope", "begun_with", "bindings", "of_scope", "slashed"]

COMMANDS: tuple[Command, ...] = (*EVERYWHERE, *LIBRARY, *CHAT, *TRANSFERS)


def of_scope(scope: Scope) -> tuple[Command, ...]:
    """The commands that work there."""
    return tuple(command for command in COMMANDS if command.scope is scope)


def bindings(scope: Scope) -> list[BindingType]:
    """The key bindings of a scope."""
    return [command.binding for command in of_scope(scope) if command.key]


def slashed(word: str) -> Command | None:
    """The command that `/word` stands for, None if there is none."""
    return next((command for command in COMMANDS if word and command.slash == word), None)


def begun_with(word: str) -> tuple[Command, ...]:
    """The commands whose slash begins like this, by their names; a whole one stands alone."""
    start = word.strip().lower()
    if exact := slashed(start):
        return (exact,)
    found = (each for each in COMMANDS if each.slash and each.slash.startswith(start))
    return tuple(sorted(found, key=lambda each: each.slash))
