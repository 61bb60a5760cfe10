"""What works in the library."""

from __future__ import annotations

from functools import partial

from herd_tui.commands.command import Command, Scope

_c = partial(Command, scope=Scope.LIBRARY)
_key = partial(_c, in_palette=False)

LIBRARY: tuple[Command, ...] = (
    _c(
        "library.install",
        "enter",
        "Install",
        "Install the model under the cursor, or the address that you typed.",
        in_footer=True,
    ),
    _c(
        "library.chat",
        "enter",
        "Chat",
        "Talk to the installed model under the cursor.",
        in_footer=True,
    ),
    _key("library.up", "up", "Up", "The model above.", action="move(-1)"),
    _key("library.down", "down", "Down", "The model below.", action="move(1)"),
    _key("library.page_up", "pageup", "Page up", "A page of models up.", action="page(-1)"),
    _key("library.page_down", "pagedown", "Page down", "A page down.", action="page(1)"),
    _key("library.clear", "escape", "Clear", "Forget the filter: show every model."),
)
