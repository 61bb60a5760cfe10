"""Ollama's requests (chat, generate, embed and the rest), read into asks."""

from __future__ import annotations

import json
import re
from typing import Any

from herd.chat import Call, Role, Turn
from herd.model import Sampling
from herd.serve import openai_in
from herd.serve.asks import Ask, Embed, Json
from herd.serve.reading import BadRequest, Item

_DURATION = re.compile(r"(-?\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
FOR_EVER = float("inf")
_LONGEST_STAY = 10 * 365 * 86_400
"""Seconds."""


def chat(item: Item) -> Ask:
    """A request to `/api/chat`; without messages it only loads or unloads the model."""
    options = item.item("options") or Item({})
    return Ask(
        model=model(item),
        turns=tuple(_turn(each) for each in item.items("messages")),
        sampling=_sampling(options),
        stop=options.texts("stop"),
        tools=tuple(openai_in.tool(each) for each in item.items("tools")),
        schema=_schema(item),
        context=options.whole("num_ctx", 64, 1 << 24),
        keep_alive=keep_alive(item),
        thinks=_thinks(item),
    )


def generate(item: Item) -> Ask:
    """A request to `/api/generate`: a question, or with `raw` a text to go on with."""
    for name in ("suffix", "template"):
        if item.values.get(name):
            raise BadRequest(f"{name} is not supported by herd.", name)
    options = item.item("options") or Item({})
    prompt, system = item.text("prompt", ""), item.text("system", "")
    is_raw = item.truth("raw", default=False)
    turns = [Turn(Role.SYSTEM, system)] if system else []
    if prompt:
        turns.append(Turn(Role.USER, prompt, images=_images(item)))
    return Ask(
        model=model(item),
        turns=() if is_raw or not prompt else tuple(turns),
        prompt=prompt if is_raw and prompt else None,
        sampling=_sampling(options),
        stop=options.texts("stop"),
        schema=_schema(item),
        context=options.whole("num_ctx", 64, 1 << 24),
        keep_alive=keep_alive(item),
        thinks=_thinks(item),
    )


def embed(item: Item, name: str = "input") -> Embed:
    """A request to `/api/embed`, or with `prompt` to the older `/api/embeddings`."""
    texts = item.texts(name)
    if len(texts) > openai_in.MOST_TEXTS:
        raise item.wrong(name, f"a text or at most {openai_in.MOST_TEXTS} texts")
    return Embed(model(item), texts, keep_alive(item))


def model(item: Item) -> str:
    """The name of a model; Ollama's `:latest` means: the variant that herd would take."""
    name = item.maybe_text("model") or item.text("name")
    return name.removesuffix(":latest")


def keep_alive(item: Item) -> float | None:
    """Seconds: a number, or a text as `5m`; below zero is for ever."""
    value: Any = item.values.get("keep_alive")
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        value = float(value)  # int() refuses thousands of digits
    if type(value) in (int, float):
        return _kept(value)
    parts = _DURATION.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise item.wrong("keep_alive", "seconds, or a duration as 5m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return _kept(seconds)


def _kept(seconds: float) -> float:
    """Below zero is for ever, and so is what no calendar holds."""
    return float(seconds) if 0 <= seconds <= _LONGEST_STAY else FOR_EVER


def _turn(item: Item) -> Turn:
    roles = [str(role) for role in Role]
    if item.text("role") not in roles:
        raise item.wrong("role", "one of " + ", ".join(roles))
    role = Role(item.text("role"))
    return Turn(
        role,
        item.text("content", ""),
        calls=tuple(_call(each) for each in item.items("tool_calls")),
        tool=item.maybe_text("tool_name") if role is Role.TOOL else None,
        images=_images(item) if role is Role.USER else (),
    )


def _images(item: Item) -> tuple[str, ...]:
    """Images in base64, as Ollama's clients send them."""
    found = item.texts("images") if item.values.get("images") else ()
    at = item.at("images")
    return tuple(openai_in.shown(f"data:image/png;base64,{each}", at) for each in found)


def _call(item: Item) -> Call:
    function = item.item("function")
    if function is None:
        raise item.wrong("function", "an object")
    arguments = function.item("arguments")
    return Call(function.text("name"), json.dumps(arguments.values if arguments else {}))


def _sampling(options: Item) -> Sampling:
    most = options.whole("num_predict", -2, 1 << 24)
    seed = options.whole("seed", -(1 << 63), (1 << 63) - 1)
    return Sampling(
        temperature=options.real("temperature", 0, 100),
        top_k=options.whole("top_k", 0, 1 << 24),
        top_p=options.real("top_p", 0, 1),
        min_p=options.real("min_p", 0, 1),
        repeat_penalty=options.real("repeat_penalty", 0, 100),
        repeat_last_n=options.whole("repeat_last_n", -1, 1 << 24),
        seed=None if seed is None or seed < 0 else seed,
        max_tokens=most if most is not None and most > 0 else None,
    )


def _thinks(item: Item) -> bool | None:
    """`think`: true or false, or a level, which is true."""
    value = item.values.get("think")
    if value in ("low", "medium", "high"):
        return True
    return item.truth("think", default=False) if value is not None else None


def _schema(item: Item) -> Json | None:
    form = item.values.get("format")
    if form in (None, ""):
        return None
    if form == "json":
        return {}
    if isinstance(form, dict):
        return form
    raise item.wrong("format", '"json" or a JSON schema')
