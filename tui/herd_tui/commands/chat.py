"""What works in a chat."""

from __future__ import annotations

from functools import partial

from herd_tui.commands.command import Command, Scope

_c = partial(Command, scope=Scope.CHAT)
_first = partial(_c, goes_first=True)
"""F6 and F7 are keys of the text area as well."""
_key = partial(_c, in_palette=False, goes_first=True)
_BEGUN = "That is for a conversation that has begun, once the model does not answer in it."

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
        not_now="Once a question was asked and its answer is over, it can be answered again.",
    ),
    _c(
        "chat.go_on",
        "f10",
        "Go on",
        "Let the model go on with an answer that is not finished.",
        in_footer=True,
        slash="continue",
        not_now="Only an answer that was stopped, or cut off, goes on; the last one is none.",
    ),
    _c(
        "chat.conversations",
        "ctrl+b",
        "Chats",
        "Show the list of conversations, or hide it.",
        in_footer=True,
        slash="chats",
    ),
    _c(
        "chat.copy",
        "ctrl+g",
        "Copy",
        "Copy the last answer.",
        slash="copy",
        not_now="There is no answer to copy yet.",
    ),
    _c(
        "chat.compare",
        "",
        "Compare",
        "Let another model answer the last question beside this one, and keep one.",
        slash="compare",
    ),
    _c("chat.copy_code", "", "Copy code", "Copy the last block of code.", slash="code"),
    _c(
        "chat.edit",
        "f5",
        "Edit",
        "Ask an earlier question otherwise, in a branch; both stay.",
        slash="edit",
        not_now=_BEGUN,
    ),
    _c(
        "chat.rename",
        "f4",
        "Rename",
        "Give this conversation another title.",
        slash="rename",
        not_now=_BEGUN,
    ),
    _first(
        "chat.pin",
        "f6",
        "Pin",
        "Show it first in the list of chats, or not.",
        slash="pin",
        not_now=_BEGUN,
    ),
    _first(
        "chat.settings",
        "f7",
        "Settings",
        "Set the system prompt and the sampling of this conversation.",
        slash="set",
        not_now="While the model answers nothing is set; escape stops it.",
    ),
    _c("chat.prompt", "", "Prompts", "Begin with a prompt of the library.", slash="prompt"),
    _c(
        "chat.attach",
        "",
        "Attach",
        "Put a text file into the question, or show an image with it.",
        slash="attach",
    ),
    _c(
        "chat.export",
        "",
        "Export",
        "Write this conversation to a file, as Markdown or JSON.",
        slash="export",
        not_now=_BEGUN,
    ),
    _c(
        "chat.import_chats",
        "",
        "Import",
        "Take over the conversations of an export of ChatGPT.",
        slash="import",
    ),
    _c(
        "chat.delete",
        "f8",
        "Delete",
        "Delete this conversation for good.",
        slash="delete",
        not_now=_BEGUN,
    ),
    _key("chat.page_up", "pageup", "Page up", "A page of the conversation up.", action="page(-1)"),
    _key("chat.page_down", "pagedown", "Page down", "A page down.", action="page(1)"),
)
