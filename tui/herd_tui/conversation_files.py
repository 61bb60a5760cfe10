"""Conversations into files and out of them; called in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from herd.chat import Conversation
from herd.chatgpt import conversations
from herd.errors import BadUsage, CannotWrite, HerdError
from herd.export import as_json, as_markdown

if TYPE_CHECKING:
    from herd.history import History


def take_over(path: Path, history: History) -> int:
    """Keep the conversations of an export that are not here yet; how many.

    Raises:
        BadUsage: the file cannot be read, or is no export.
        HerdError: a conversation could not be kept.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror or error}.") from error
    fresh = [each for each in conversations(content) if history.find(each.id) is None]
    for each in fresh:
        history.save(each)
    return len(fresh)


def write(path: Path, conversation: Conversation) -> str:
    """Write a conversation; never over a file that is there."""
    form: Callable[[Conversation], str] = as_json if path.suffix == ".json" else as_markdown
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(form(conversation))
    except FileExistsError as error:
        raise HerdError(f"{path} is there already.", "Choose another name.") from error
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}.") from error
    return f"Written to {path}"
