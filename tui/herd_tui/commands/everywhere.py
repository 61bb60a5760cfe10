"""What works on every screen."""

from __future__ import annotations

from functools import partial

from herd_tui.commands.command import Command, Scope

_c = partial(Command, scope=Scope.EVERYWHERE)

EVERYWHERE: tuple[Command, ...] = (
    _c(
        "app.show_help",
        "f1",
        "Help",
        "Show every key and what it does.",
        in_footer=True,
        slash="help",
    ),
    _c("app.show_library", "f2", "Library", "Models: offered and installed.", slash="library"),
    _c("app.show_chat", "f3", "Chat", "The conversation, where it was left."),
    _c("app.show_transfers", "ctrl+t", "Transfers", "Go to the installs under way, and back."),
    _c("app.show_logs", "ctrl+l", "Logs", "Read what herd and llama.cpp wrote to their logs."),
    _c("app.change_theme", "f9", "Theme", "Choose the colours."),
    _c(
        "app.command_palette",
        "ctrl+p",
        "Commands",
        "Find a command.",
        in_footer=True,
        in_palette=False,
    ),
    _c("app.leave", "ctrl+q", "Quit", "Leave herd.", in_footer=True, goes_first=True, slash="bye"),
)
