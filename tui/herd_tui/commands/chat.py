"""What works in a chat."""

from __future__ import annotations

from functools import partial

from herd_tui.commands.command import Command, Scope

_c = partial(Command, scope=Scope.CHAT)
_key = partial(_c, in_palette=False, goes_first=True)

CHAT: tuple[Command, ...] = (
    _c(
        "chat.stop",
        "escape",
        "Stop",
        "Stop the answer; what was said stays.",
        in_footer=True,
        goes_first=True,
        slash="stop",
    ),
    _c(
        "chat.switch",
        "ctrl+o",
        "Model",
        "Let another model answer from now on; the conversation stays.",
        in_footer=True,
        slash="model",
    ),
    _c("chat.new", "ctrl+n", "New", "Begin a conversation.", in_footer=True, slash="new"),
    _c(
        "chat.regenerate",
        "ctrl+r",
        "Again",
        "Have the last question answered again.",
        in_footer=True,
        slash="again",
    ),
    _c(
        "chat.conversations",
        "ctrl+b",
        "Chats",
        "Show the list of conversations, or hide it.",
        in_footer=True,
        slash="chats",
    ),
    _c("chat.copy", "ctrl+g", "Copy", "Copy the last answer.", slash="copy"),
    _c("chat.delete", "f8", "Delete", "Delete this conversation for good.", slash="delete"),
    _key("chat.page_up", "pageup", "Page up", "A page of the conversation up.", action="page(-1)"),
    _key("chat.page_down", "pagedown", "Page down", "A page down.", action="page(1)"),
)
