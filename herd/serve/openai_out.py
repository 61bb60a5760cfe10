"""Answers as OpenAI's clients expect them: objects, chunks of a stream, errors."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from herd.chat import Call
from herd.model import Installed
from herd.serve.outcome import Outcome, Part

_REASONS = {
    "stop": "stop",
    "length": "length",
    "context": "length",
    "loop": "length",
    "stopped": "stop",
}
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Shape:
    """What is the same in every object of one answer."""

    model: str
    is_chat: bool
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, outcome: Outcome) -> dict[str, Any]:
        """The answer in one object."""
        choice: dict[str, Any] = {"index": 0, "finish_reason": _reason(outcome)}
        if self.is_chat:
            choice["message"] = _message(outcome)
        else:
            choice["text"] = outcome.text
        choice["logprobs"] = _logprobs(outcome.parts, is_chat=self.is_chat)
        return self._object("chat.completion" if self.is_chat else "text_completion", [choice]) | {
            "usage": usage(outcome)
        }

    def first(self) -> bytes:
        """The chunk that opens a stream: who speaks."""
        return self._chunk({"role": "assistant", "content": ""}) if self.is_chat else b""

    def part(self, part: Part) -> bytes:
        """The next words."""
        key = "reasoning_content" if part.is_thinking else "content"
        return self._chunk({key: part.text}, part=part)

    def last(self, outcome: Outcome, *, has_usage: bool) -> bytes:
        """The chunks that end a stream: calls, the reason, the usage, and the mark."""
        calls = [_call(call) | {"index": at} for at, call in enumerate(outcome.calls)]
        lines = [self._chunk({"tool_calls": calls})] if calls else []
        lines.append(self._chunk({}, reason=_reason(outcome)))
        if has_usage:
            kind = "chat.completion.chunk" if self.is_chat else "text_completion"
            lines.append(event(self._object(kind, []) | {"usage": usage(outcome)}))
        return b"".join([*lines, DONE])

    def _chunk(
        self, delta: dict[str, Any], *, part: Part | None = None, reason: str | None = None
    ) -> bytes:
        choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
        if self.is_chat:
            choice["delta"] = delta
        else:
            choice["text"] = delta.get("content", "")
        choice["logprobs"] = _logprobs([part], is_chat=self.is_chat) if part else None
        kind = "chat.completion.chunk" if self.is_chat else "text_completion"
        return event(self._object(kind, [choice]))

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        prefix = "chatcmpl" if self.is_chat else "cmpl"
        return {
            "id": f"{prefix}-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def event(value: object) -> bytes:
    """A server-sent event (WHATWG HTML, 9.2)."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def usage(outcome: Outcome) -> dict[str, Any]:
    """Tokens that were read and written."""
    return {
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.tokens,
        "total_tokens": outcome.prompt_tokens + outcome.tokens,
        "prompt_tokens_details": {"cached_tokens": outcome.reused_tokens},
    }


def models(installed: Iterable[Installed]) -> dict[str, Any]:
    """The list of what can be asked."""
    return {"object": "list", "data": [model(each) for each in installed]}


def model(installed: Installed) -> dict[str, Any]:
    """One model."""
    made = datetime.fromisoformat(installed.installed_at)
    return {
        "id": str(installed.reference),
        "object": "model",
        "created": int(made.timestamp()),
        "owned_by": installed.registry or "herd",
    }


def embeddings(name: str, vectors: Sequence[str | Sequence[float]], tokens: int) -> dict[str, Any]:
    """Vectors, one for each text: numbers, or base64 of float32."""
    data = [
        {"object": "embedding", "index": at, "embedding": vector}
        for at, vector in enumerate(vectors)
    ]
    used = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": name, "data": data, "usage": used}


def error(status: int, message: str, param: str | None = None) -> dict[str, Any]:
    """OpenAI's error object."""
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
    codes = {401: "invalid_api_key", 404: "model_not_found"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": codes.get(status)}}


def _reason(outcome: Outcome) -> str:
    return "tool_calls" if outcome.calls else _REASONS[outcome.reason]


def _message(outcome: Outcome) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": outcome.text, "refusal": None}
    if outcome.thinking:
        message["reasoning_content"] = outcome.thinking
    if outcome.calls:
        message["content"] = outcome.text or None
        message["tool_calls"] = [_call(call) for call in outcome.calls]
    return message


def _call(call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _logprobs(parts: Sequence[Part], *, is_chat: bool) -> dict[str, Any] | None:
    told = [token for part in parts for token in part.likely]
    if not told:
        return None
    if is_chat:
        return {"content": [token.as_json for token in told], "refusal": None}
    return {
        "tokens": [token.text for token in told],
        "token_logprobs": [token.logprob for token in told],
        "top_logprobs": [dict(token.likeliest) for token in told],
        "text_offset": [],
    }
