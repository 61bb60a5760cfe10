"""Conversations out of the file that ChatGPT exports (`conversations.json`). Pure.

Each conversation there is a tree of messages, of which one path is the current one. What
is not text (pictures, what tools said, hidden instructions) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from herd.chat import Conversation, Role, Turn, shorten
from herd.errors import BadUsage

_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT}
DEEPEST = 100_000
"""Messages of one path; a tree that goes deeper goes in a circle."""


def conversations(content: bytes) -> tuple[Conversation, ...]:
    """The conversations of an export in which something was said.

    Raises:
        BadUsage: it is no such export.
    """
    try:
        exported = json.loads(content)
        found = [_conversation(each) for each in exported]
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise BadUsage(
            "This is no export of ChatGPT.", "Name the conversations.json out of its zip file."
        ) from error
    return tuple(each for each in found if each.turns)


def _conversation(exported: Mapping[str, Any]) -> Conversation:
    turns = tuple(_turns(exported["mapping"], exported.get("current_node")))
    title = str(exported.get("title") or (turns[0].text if turns else ""))
    return Conversation(
        turns,
        title=shorten(title),
        id=f"chatgpt-{exported.get('conversation_id') or exported.get('id')}",
        created_at=_moment(exported.get("create_time")),
        updated_at=_moment(exported.get("update_time")),
    )


def _turns(mapping: Mapping[str, Any], node: str | None) -> Iterator[Turn]:
    path: list[Mapping[str, Any]] = []
    while node is not None and len(path) < DEEPEST:
        path.append(mapping[node])
        node = mapping[node].get("parent")
    for each in reversed(path):
        if (message := each.get("message")) and (turn := _turn(message)):
            yield turn


def _turn(message: Mapping[str, Any]) -> Turn | None:
    role = _ROLES.get(message["author"]["role"])
    parts = (message.get("content") or {}).get("parts") or ()
    text = "\n".join(part for part in parts if isinstance(part, str)).strip()
    if role is None or not text:
        return None
    model = (message.get("metadata") or {}).get("model_slug") if role is Role.ASSISTANT else None
    return Turn(role, text, model=model)


def _moment(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds or 0, UTC).isoformat(timespec="seconds")
