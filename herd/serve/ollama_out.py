"""Answers as Ollama's clients expect them: objects, or one object on each line.

Durations are nanoseconds there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from herd.chat import Call
from herd.engine import State
from herd.image import projector
from herd.model import Installed
from herd.progress import Progress, Stage
from herd.serve.outcome import Outcome, Part

_FOR_GOOD = timedelta(days=36500)
_REASONS = {
    "stop": "stop",
    "length": "length",
    "context": "length",
    "loop": "length",
    "stopped": "stop",
}


@dataclass(frozen=True)
class Shape:
    """What is the same in every object of one answer."""

    model: str
    is_chat: bool

    def whole(self, outcome: Outcome) -> dict[str, Any]:
        """The answer in one object."""
        return self._said(outcome.text, outcome.thinking, outcome.calls) | _end(outcome)

    def first(self) -> bytes:
        """Nothing opens a stream here."""
        return b""

    def part(self, part: Part) -> bytes:
        """The next words."""
        text, thinking = ("", part.text) if part.is_thinking else (part.text, "")
        return line(self._said(text, thinking) | {"done": False})

    def last(self, outcome: Outcome) -> bytes:
        """The calls, and the line that ends the stream."""
        calls = [line(self._said("", "", outcome.calls) | {"done": False})] if outcome.calls else []
        return b"".join([*calls, line(self._said("") | _end(outcome))])

    def loaded(self, *, is_unloaded: bool) -> dict[str, Any]:
        """The answer to a request that only loads or unloads."""
        return self._said("") | {"done": True, "done_reason": "unload" if is_unloaded else "load"}

    def _said(self, text: str, thinking: str = "", calls: Sequence[Call] = ()) -> dict[str, Any]:
        top: dict[str, Any] = {"model": self.model, "created_at": _now()}
        thought = {"thinking": thinking} if thinking else {}
        if not self.is_chat:
            return top | {"response": text} | thought
        message: dict[str, Any] = {"role": "assistant", "content": text} | thought
        if calls:
            message["tool_calls"] = [_call(call) for call in calls]
        return top | {"message": message}


def line(value: Mapping[str, Any]) -> bytes:
    """One object on one line (NDJSON)."""
    return json.dumps(value).encode() + b"\n"


def tags(installed: Sequence[Installed]) -> dict[str, Any]:
    """What is installed."""
    return {"models": [_tag(each) for each in installed]}


def running(installed: Installed, state: State, now: datetime) -> dict[str, Any]:
    """A model that is loaded."""
    tag = _tag(installed)
    stays = _FOR_GOOD if state.leaves_in is None else timedelta(seconds=state.leaves_in)
    on_gpu = state.ready is not None and state.ready.gpu_layers > 0
    return {key: tag[key] for key in ("name", "model", "size", "digest", "details")} | {
        "size": state.memory or installed.size,
        "expires_at": (now + stays).isoformat(),
        "size_vram": state.memory if on_gpu else 0,
        "context_length": state.ready.context if state.ready else 0,
    }


def show(installed: Installed, template: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about one model.

    Args:
        installed: The model.
        template: Its chat template.
        known: What the header of its file says.
    """
    values = installed.sampling
    named = {
        "temperature": values.temperature,
        "top_k": values.top_k,
        "top_p": values.top_p,
        "min_p": values.min_p,
        "repeat_penalty": values.repeat_penalty,
    }
    lines = [f"{name} {value}" for name, value in named.items() if value is not None]
    lines += [f"stop {json.dumps(text)}" for text in installed.stop]
    embeds = installed.role == "embedding"
    sees = ["vision"] if projector(installed) else []
    return {
        "license": installed.licence.id,
        "modelfile": f"FROM {installed.files[0].name}",
        "parameters": "\n".join(lines),
        "template": template,
        "details": _details(installed),
        "model_info": dict(known),
        "capabilities": ["embedding"] if embeds else ["completion", "tools", *sees],
        "modified_at": installed.installed_at,
    }


def pulling(now: Progress, digest: str | None) -> dict[str, Any]:
    """How far an install is."""
    if now.stage is Stage.FETCHING and digest:
        counted = {"completed": now.done} | ({"total": now.total} if now.total else {})
        return {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}"} | counted
    words = {
        Stage.WAITING: "pulling manifest",
        Stage.FETCHING: "pulling",
        Stage.VERIFYING: "verifying sha256 digest",
        Stage.INSTALLING: "writing manifest",
    }
    return {"status": words.get(now.stage, str(now.stage))}


def error(message: str) -> dict[str, Any]:
    """Ollama's error object."""
    return {"error": message}


def _tag(installed: Installed) -> dict[str, Any]:
    name = str(installed.reference)
    return {
        "name": name,
        "model": name,
        "modified_at": installed.installed_at,
        "size": installed.size,
        "digest": installed.files[0].sha256,
        "details": _details(installed),
    }


def _details(installed: Installed) -> dict[str, Any]:
    family = installed.family or ""
    return {
        "parent_model": "",
        "format": str(installed.format),
        "family": family,
        "families": [family] if family else [],
        "parameter_size": installed.parameters or "",
        "quantization_level": installed.quantisation or "",
    }


def _call(call: Call) -> dict[str, Any]:
    return {"function": {"name": call.name, "arguments": json.loads(call.arguments)}}


def _end(outcome: Outcome) -> dict[str, Any]:
    total = outcome.load_seconds + outcome.prompt_seconds + outcome.seconds
    return {
        "done": True,
        "done_reason": _REASONS[outcome.reason],
        "total_duration": _nano(total),
        "load_duration": _nano(outcome.load_seconds),
        "prompt_eval_count": outcome.prompt_tokens,
        "prompt_eval_duration": _nano(outcome.prompt_seconds),
        "eval_count": outcome.tokens,
        "eval_duration": _nano(outcome.seconds),
    }


def _nano(seconds: float) -> int:
    return round(seconds * 1e9)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
