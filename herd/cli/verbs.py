"""Verbs: how their help looks, and how they are loaded only when they are called.

The help of herd lists every verb by the line that stands for it here, so that neither
`herd --help` nor `herd list` pays for the modules of all the others.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from herd.cli.terminal import BOLD, styled
from herd.words import nearest

PANEL = "Options"
"""The heading of options that ask for no other."""


class Formatter(click.HelpFormatter):
    """Help with headings that stand out, where the terminal shows it."""

    def write_heading(self, heading: str) -> None:
        """A heading."""
        self.write(f"{'':{self.current_indent}}{styled(heading, BOLD, sys.stdout)}\n")


class Context(click.Context):
    """A context whose help looks like herd's."""

    formatter_class = Formatter


class Option(click.Option):
    """An option under a heading of its own choice."""

    def __init__(self, *arguments: Any, panel: str = PANEL, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.panel = panel


class Command(click.Command):
    """A verb whose help has its options under their headings."""

    context_class = Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, those of herd's own heading last."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                panels.setdefault(getattr(parameter, "panel", PANEL), []).append(record)
        own = panels.pop(PANEL, [])
        for heading, records in (*panels.items(), (PANEL, own)):
            with formatter.section(heading):
                formatter.write_dl(records)


class Group(Command, click.Group):
    """A verb that has verbs of its own."""

    command_class = Command
    group_class = type

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs, then the options."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


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
        command = getattr(importlib.import_module(f"herd.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  # a slip in the table
        return command


class StandIn(Command):
    """What stands for a verb that nobody has called."""

    def __init__(self, verb: Verb) -> None:
        super().__init__(verb.name, help=verb.help)
        self.verb = verb


class Verbs(Group):
    """A group whose commands are imported one by one, as they are called."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.panels: dict[str, Sequence[Verb]] = {}
        self._aliases: dict[str, str] = {}

    def offer(self, panels: Mapping[str, Sequence[Verb]]) -> None:
        """Add verbs under the headings that help shows them under."""
        self.panels.update(panels)
        for verb in (verb for verbs in panels.values() for verb in verbs):
            self.add_command(StandIn(verb))
            self._aliases.update(dict.fromkeys(verb.aliases, verb.name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of this name or alias; it may be a stand-in."""
        return super().get_command(ctx, self._aliases.get(cmd_name, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word calls, loaded, and the words that follow it."""
        word = args[0] if args else ""
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            near = nearest(word, [*self.commands, *self._aliases])
            ctx.fail(f"There is no verb {word!r}{f': {near}' if near else '.'}")
        _, command, rest = super().resolve_command(ctx, args)
        if isinstance(command, StandIn):
            command = command.verb.load()
        return command.name if command else None, command, rest

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's
        formatter: click.HelpFormatter,
    ) -> None:
        """Every verb and its other names, under the headings."""
        rows = {
            heading: [(", ".join((verb.name, *verb.aliases)), verb.help) for verb in verbs]
            for heading, verbs in self.panels.items()
        }
        wide = max(len(names) for records in rows.values() for names, _ in records)
        for heading, records in rows.items():
            with formatter.section(heading):
                formatter.write_dl([(names.ljust(wide), text) for names, text in records])
