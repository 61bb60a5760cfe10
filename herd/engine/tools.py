"""Tools in a prompt: as templates expect them, or in words where a template knows none. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from herd.chat import Role, Turn

_OFFER = """\
You may call one or more tools to answer. These are the tools, as JSON:
<tools>
{tools}
</tools>
To call a tool, answer with its name and arguments as JSON inside these tags, nothing else:
<tool_call>
{{"name": "the name", "arguments": {{"an argument": "its value"}}}}
</tool_call>"""


def message(turn: Turn) -> dict[str, Any]:
    """A turn as chat templates expect it."""
    said: dict[str, Any] = {"role": str(turn.role), "content": turn.text}
    if turn.calls:
        said["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call.arguments)},
            }
            for call in turn.calls
        ]
    if turn.role is Role.TOOL:
        said["tool_call_id"] = said["name"] = turn.tool or ""
    return said


def spelled_out(turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """The same conversation for a template that knows no tools: they, and calls, in words."""
    spoken = [_spelled(turn) for turn in turns]
    if not tools:
        return spoken
    offer = _OFFER.format(tools="\n".join(json.dumps(tool["function"]) for tool in tools))
    if spoken and spoken[0].role is Role.SYSTEM:
        return [replace(spoken[0], text=f"{spoken[0].text}\n\n{offer}"), *spoken[1:]]
    return [Turn(Role.SYSTEM, offer), *spoken]


def _spelled(turn: Turn) -> Turn:
    if turn.role is Role.TOOL:
        text = f"<tool_response>\n{turn.text}\n</tool_response>"
        return Turn(Role.USER, text)
    calls = [
        f'<tool_call>\n{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}\n'
        "</tool_call>"
        for call in turn.calls
    ]
    return replace(turn, text="\n".join([*filter(None, [turn.text]), *calls]), calls=())


def _arguments(text: str) -> Any:
    """As an object, which templates turn into JSON again; as a text if it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
