"""OpenAI's requests (chat completions, completions, embeddings), read into asks.

Fields that mean nothing to a model on this machine (`user`, `store`, `service_tier`...)
are passed over, because clients send them without being asked; a field that would change
the answer and cannot be honoured is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from herd import image
from herd.chat import Call, Role, Turn
from herd.errors import BadUsage
from herd.model import Sampling
from herd.serve.asks import Ask, Embed, Json, Tool
from herd.serve.reading import BadRequest, Item

MOST_TURNS = 10_000
MOST_TEXTS = 2048
"""Inputs of one request for embeddings, as many as OpenAI takes."""

_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


@dataclass(frozen=True)
class Form:
    """How the answer is to be sent."""

    is_stream: bool
    has_usage: bool
    """Whether a stream ends with the usage."""


def chat(item: Item) -> tuple[Ask, Form]:
    """A request to `/v1/chat/completions`."""
    messages = item.items("messages")
    if not messages:
        raise item.wrong("messages", "a list with at least one message")
    if len(messages) > MOST_TURNS:
        raise item.wrong("messages", f"at most {MOST_TURNS} messages")
    likeliest = item.whole("top_logprobs", 0, 20) or 0
    ask = Ask(
        model=item.text("model"),
        turns=tuple(_turn(each) for each in messages),
        sampling=sampling(item, "max_completion_tokens", "max_tokens"),
        stop=_stop(item),
        tools=_tools(item),
        schema=_schema(item),
        likeliest=likeliest if item.truth("logprobs", default=False) else None,
    )
    return ask, _form(item)


def completion(item: Item) -> tuple[Ask, Form]:
    """A request to `/v1/completions`: one text to go on with."""
    prompts = item.texts("prompt")
    if len(prompts) != 1:
        raise item.wrong("prompt", "one text")
    if item.maybe_text("suffix"):
        raise BadRequest("suffix is not supported: herd goes on with a text.", "suffix")
    ask = Ask(
        model=item.text("model"),
        prompt=prompts[0],
        sampling=sampling(item, "max_tokens"),
        stop=_stop(item),
        likeliest=item.whole("logprobs", 0, 20),
    )
    return ask, _form(item)


def embeddings(item: Item) -> Embed:
    """A request to `/v1/embeddings`."""
    texts = item.texts("input")
    if not 0 < len(texts) <= MOST_TEXTS:
        raise item.wrong("input", f"a text or a list of 1 to {MOST_TEXTS} texts")
    if item.has("dimensions"):
        raise BadRequest("dimensions is not supported: a model gives what it has.", "dimensions")
    return Embed(item.text("model"), texts)


def sampling(item: Item, *names_of_most: str) -> Sampling:
    """How to draw; llama.cpp's own names are taken beside OpenAI's."""
    most = (item.whole(name, 1, 1 << 24) for name in names_of_most)
    for name in ("frequency_penalty", "presence_penalty"):
        item.real(name, -2, 2)
    if (item.whole("n", 1, 128) or 1) != 1:
        raise BadRequest("n must be 1: herd gives one answer to a question.", "n")
    return Sampling(
        temperature=item.real("temperature", 0, 100),
        top_k=item.whole("top_k", 0, 1 << 24),
        top_p=item.real("top_p", 0, 1),
        min_p=item.real("min_p", 0, 1),
        repeat_penalty=item.real("repeat_penalty", 0, 100),
        seed=_seed(item),
        max_tokens=next((each for each in most if each is not None), None),
    )


def tool(item: Item) -> Tool:
    """A tool in the form that both dialects share."""
    function = item.item("function")
    if item.text("type", "function") != "function" or function is None:
        raise item.wrong("type", '"function", with a function beside it')
    parameters = function.item("parameters")
    return Tool(
        function.text("name"),
        function.text("description", ""),
        parameters.values if parameters else {"type": "object", "properties": {}},
    )


def _seed(item: Item) -> int | None:
    seed = item.whole("seed", -(1 << 63), (1 << 63) - 1)
    return None if seed is None or seed < 0 else seed


def _form(item: Item) -> Form:
    options = item.item("stream_options")
    has_usage = options is not None and options.truth("include_usage", default=False)
    return Form(is_stream=item.truth("stream", default=False), has_usage=has_usage)


def _stop(item: Item) -> tuple[str, ...]:
    texts = item.texts("stop")
    if len(texts) > 16 or not all(texts):
        raise item.wrong("stop", "a text or up to 16 texts, none of them empty")
    return texts


def _turn(item: Item) -> Turn:
    role = _ROLES.get(item.text("role"))
    if role is None:
        raise item.wrong("role", "one of " + ", ".join(_ROLES))
    calls = tuple(_call(each) for each in item.items("tool_calls"))
    text, images = _content(item)
    if images and role is not Role.USER:
        raise item.wrong("content", "a text: images are shown by the user")
    if role is Role.TOOL:
        return Turn(role, text, tool=item.maybe_text("tool_call_id") or item.maybe_text("name"))
    return Turn(role, text, calls=calls if role is Role.ASSISTANT else (), images=images)


def _content(item: Item) -> tuple[str, tuple[str, ...]]:
    """The text and the images of a content: a text, or parts of which each is one or the other."""
    if not isinstance(item.values.get("content"), list):
        return item.text("content", ""), ()
    texts, images = [], []
    for part in item.items("content"):
        if part.text("type") == "image_url":
            images.append(_image(part))
        elif part.text("type") in ("text", "input_text", "refusal"):
            texts.append(part.text("text", ""))
        else:
            raise BadRequest(
                f"{part.at('type')}: {part.text('type')} is not supported; herd takes texts "
                "and images.",
                part.at("type"),
            )
    return "".join(texts), tuple(images)


def _image(part: Item) -> str:
    """An image that the request itself holds: herd fetches none, and reads no file for it."""
    named = part.item("image_url")
    url = named.text("url") if named else ""
    return shown(url, part.at("image_url"))


def shown(uri: str, where: str) -> str:
    """A `data:` URI of an image that can be shown.

    Raises:
        BadRequest: it is none.
    """
    if not uri.startswith("data:"):
        raise BadRequest(f"{where}: herd fetches no image; send it as a data: URI.", where)
    try:
        image.read(uri)
    except BadUsage as error:
        raise BadRequest(f"{where}: {error.message}", where) from error
    return uri


def _call(item: Item) -> Call:
    function = item.item("function")
    if function is None:
        raise item.wrong("function", "an object")
    return Call(function.text("name"), function.text("arguments", "{}"), item.text("id", ""))


def _tools(item: Item) -> tuple[Tool, ...]:
    tools = tuple(tool(each) for each in item.items("tools"))
    choice: Any = item.values.get("tool_choice")
    if choice == "none":
        return ()
    if choice in (None, "auto"):
        return tools
    if choice == "required" or isinstance(choice, dict):
        raise BadRequest("tool_choice must be none or auto: the model decides.", "tool_choice")
    raise item.wrong("tool_choice", "none or auto")


def _schema(item: Item) -> Json | None:
    wanted = item.item("response_format")
    if wanted is None:
        return None
    match wanted.text("type"):
        case "text":
            return None
        case "json_object":
            return {}
        case "json_schema":
            named = wanted.item("json_schema")
            schema = named.item("schema") if named else None
            if schema is None:
                raise wanted.wrong("json_schema", "an object with a schema")
            return schema.values
    raise wanted.wrong("type", "text, json_object or json_schema")
