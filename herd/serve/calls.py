"""Calls of tools in what a model says.

Models were taught several forms; these are the ones that their templates ask for:

    <tool_call>{"name": "...", "arguments": {...}}</tool_call>     Qwen, Hermes, SmolLM2
    {"name": "...", "parameters": {...}}                           Llama 3
    [TOOL_CALLS][{"name": "...", "arguments": {...}}]              Mistral

A text that looks like a call of a tool that was not offered stays a text.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from herd.chat import Call

_MARKS = (("<tool_call>", "</tool_call>"), ("[TOOL_CALLS]", ""), ("<|python_tag|>", ""))
LONGEST = 1 << 16
"""Characters of a call; a longer one is a text."""


@dataclass
class CallReader:
    """Takes an answer apart while it comes: texts go through, calls are kept.

    Text that may become a call is held back until it is clear what it is.
    """

    tools: Collection[str]
    """The names of the tools that were offered."""
    calls: list[Call] = field(default_factory=list)
    """The calls that were made so far."""
    _held: str = ""
    _has_begun: bool = False

    def feed(self, text: str) -> str:
        """More of the answer; what of it is surely text."""
        if not self.tools:
            return text
        self._held += text
        out: list[str] = []
        while self._held and (said := self._next(is_end=False)) is not None:
            out.append(said)
        return "".join(out)

    def close(self) -> str:
        """The answer is over; what was held back and is no call."""
        out: list[str] = []
        while self._held:
            out.append(self._next(is_end=True) or "")
        return "".join(out)

    def _next(self, *, is_end: bool) -> str | None:
        """Take the next stretch off what is held; None: wait for more."""
        held = self._held
        if not self._has_begun and held.lstrip()[:1] in ("{", ""):
            return self._bare(is_end=is_end)
        at, mark, close = _first_mark(held)
        if at is None:
            keep = 0 if is_end else _may_begin(held)
            return self._take(len(held) - keep) or None
        if at > 0:
            return self._take(at)
        end = held.find(close, len(mark)) if close else (len(held) if is_end else -1)
        if end < 0 and not is_end and len(held) < LONGEST:
            return None
        end = len(held) if end < 0 else end
        return self._called(held[len(mark) : end], min(len(held), end + len(close)))

    def _bare(self, *, is_end: bool) -> str | None:
        """An answer that begins with a brace is a call or a text as a whole."""
        if not is_end and len(self._held) < LONGEST:
            return None
        return self._called(self._held, len(self._held))

    def _called(self, body: str, length: int) -> str:
        """The calls in the body go to `calls`; if there are none it is text."""
        found = list(_read(body, self.tools))
        said = self._take(length)
        self.calls += found
        return "" if found else said

    def _take(self, length: int) -> str:
        said, self._held = self._held[:length], self._held[length:]
        self._has_begun = self._has_begun or bool(said.strip())
        return said


def _first_mark(text: str) -> tuple[int | None, str, str]:
    found = [(text.find(mark), mark, close) for mark, close in _MARKS if mark in text]
    return min(found) if found else (None, "", "")


def _may_begin(text: str) -> int:
    """Characters at the end of the text that may be the beginning of a mark."""
    lengths = (
        length
        for mark, _ in _MARKS
        for length in range(1, len(mark))
        if text.endswith(mark[:length])
    )
    return max(lengths, default=0)


def _read(body: str, tools: Collection[str]) -> Iterator[Call]:
    try:
        said = json.loads(body.strip())
    except (ValueError, RecursionError):
        return
    for each in said if isinstance(said, list) else [said]:
        if not isinstance(each, dict) or each.get("name") not in tools:
            continue
        arguments = each.get("arguments", each.get("parameters", {}))
        if isinstance(arguments, dict):
            identity = f"call_{uuid.uuid4().hex[:24]}"
            yield Call(str(each["name"]), json.dumps(arguments), identity)
