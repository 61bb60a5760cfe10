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
    _c(
        "library.variants",
        "f5",
        "Variants",
        "Choose which variant of the model to install.",
        in_footer=True,
    ),
    _c("library.sort", "f4", "Sort", "Sort by name, by size, or as the registry has it."),
    _c("library.group", "f7", "Group", "Group by family, by role, by what is installed, or not."),
    _c("library.verify", "f6", "Verify", "Prove the model against its digests, and mend it."),
    _c(
        "library.import_found",
        "f10",
        "Import",
        "Take over models that other tools keep on this machine.",
    ),
    _c("library.remove", "f8", "Remove", "Take the model out of the store.", in_footer=True),
    _key("library.up", "up", "Up", "The model above.", action="move(-1)"),
    _key("library.down", "down", "Down", "The model below.", action="move(1)"),
    _key("library.page_up", "pageup", "Page up", "A page of models up.", action="page(-1)"),
    _key("library.page_down", "pagedown", "Page down", "A page of models down.", action="page(1)"),
    _key("library.clear", "escape", "Clear", "Forget the filter: show every model."),
)
