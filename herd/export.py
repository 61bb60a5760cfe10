"""A conversation as a file that people (Markdown) or programs (JSON) read. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

from herd.chat import Conversation, Role, Turn
from herd.image import named

_NAMES = {Role.SYSTEM: "System", Role.USER: "You"}


def as_markdown(conversation: Conversation) -> str:
    """Each turn under a heading that says who spoke."""
    parts = [f"# {conversation.title or 'A conversation'}", *map(_section, conversation.turns)]
    return "\n\n".join(parts) + "\n"


def as_json(conversation: Conversation) -> str:
    """Everything that herd knows of it."""
    turns = [_bare(asdict(turn)) for turn in conversation.turns]
    whole = _bare(asdict(conversation)) | {"turns": turns}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def file_name(conversation: Conversation, suffix: str = ".md") -> str:
    """A name for the file, made of the title."""
    stem = re.sub(r"[^\w-]+", "-", conversation.title.lower()).strip("-")[:48]
    return f"{stem or 'conversation'}{suffix}"


def _section(turn: Turn) -> str:
    name = _NAMES.get(turn.role, turn.model or "Answer")
    images = "".join(f"({named(each)})\n\n" for each in turn.images)
    return f"## {name}\n\n{images}{turn.text}"


def _bare(values: dict[str, object]) -> dict[str, object]:
    """Without what is not said: a reader needs no key for nothing."""
    return {
        name: _bare(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value not in (None, "", (), [], {})
    }
