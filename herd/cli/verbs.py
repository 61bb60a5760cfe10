"""Verbs that are loaded when they are called.

The help of herd lists every verb by the line that stands for it here, so that neither
`herd --help` nor `herd list` pays for the modules of all the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import rich_click as click

from herd.words import nearest


@dataclass(frozen=True)
class Verb:
    """A verb as help shows it."""

    name: str
    place: str
    """Where its command is: `module:attribute`, under herd.cli."""
    help: str
    """The first sentence of the command's own help; a test holds the two together."""
    aliases: tuple[str, ...] = ()

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        return cast(
            "click.Command", getattr(importlib.import_module(f"herd.cli.{module}"), attribute)
        )


class StandIn(click.RichCommand):
    """What stands for a verb that nobody has called."""

    def __init__(self, verb: Verb, panel: str) -> None:
        super().__init__(name=verb.name, help=verb.help, aliases=verb.aliases, panel=panel)
        self.verb = verb


class Verbs(click.RichGroup):
    """A group whose commands are imported one by one, as they are called."""

    def offer(self, panels: Mapping[str, Sequence[Verb]]) -> None:
        """Add verbs under the headings that help shows them under."""
        for panel, verbs in panels.items():
            for verb in verbs:
                self.add_command(StandIn(verb, panel), aliases=verb.aliases)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word calls, loaded, and the words that follow it."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = nearest(args[0], [*self.commands, *self._alias_mapping])
            raise click.UsageError(f"There is no verb {args[0]!r}{near and f': {near}'}", ctx)
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.verb.load() if isinstance(command, StandIn) else command, rest
