"""OpenAI's own Python client against a real server with a real model."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.serve.conftest import Serve, Served
from tests.tools import pictures

QUESTION = [{"role": "user", "content": "llama wool"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}


@pytest.fixture
def client(real: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{real.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_what_is_installed_is_listed(client: openai.OpenAI) -> None:
    models = client.models.list().data

    assert [model.id for model in models] == ["wool:file"]
    assert client.models.retrieve("wool").id == "wool:file"


def test_a_question_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="wool",
        messages=QUESTION,
        max_tokens=12,
        seed=3,
    )

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage
    assert 0 < answer.usage.completion_tokens <= 12
    assert answer.model == "wool:file"


def test_a_stream_says_the_same_word_by_word(client: openai.OpenAI) -> None:
    def ask(**more: object) -> Any:
        return client.chat.completions.create(
            model="wool",
            messages=QUESTION,
            max_tokens=12,
            seed=3,
            **more,
        )

    whole = ask()
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))

    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason in ("stop", "length")
    assert chunks[-1].usage.completion_tokens > 0
    assert chunks[-1].choices == []


def test_an_answer_conforms_to_a_schema(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"legs": {"enum": [2, 4]}},
        "required": ["legs"],
        "additionalProperties": False,
    }

    answer = client.chat.completions.create(
        model="wool",
        messages=QUESTION,
        max_tokens=200,
        seed=1,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "beast", "schema": schema, "strict": True},
        },
    )

    assert json.loads(answer.choices[0].message.content or "")["legs"] in (2, 4)


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"enum": []}])
def test_a_schema_without_a_grammar_is_the_clients_mistake(
    client: openai.OpenAI, schema: dict[str, object]
) -> None:
    with pytest.raises(openai.BadRequestError, match="schema"):
        client.chat.completions.create(
            model="wool",
            messages=QUESTION,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "none", "schema": schema},
            },
        )


def test_a_text_that_is_too_long_to_embed_is_the_clients_mistake(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="it must have from 1 to"):
        client.embeddings.create(model="wool", input="llama wool " * 10_000)


def test_a_question_that_no_context_holds_is_the_clients_mistake(client: openai.OpenAI) -> None:
    question = [{"role": "user", "content": "llama wool " * 10_000}]

    with pytest.raises(openai.BadRequestError, match="Shorten it"):
        client.chat.completions.create(model="wool", messages=question)


def test_probabilities_are_told(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="wool",
        messages=QUESTION,
        max_tokens=4,
        seed=1,
        logprobs=True,
        top_logprobs=2,
    )

    told = answer.choices[0].logprobs
    assert told
    assert told.content
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in told.content)


def test_a_text_is_gone_on_with(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="wool", prompt="llama", max_tokens=5, seed=1)

    assert answer.choices[0].text
    assert answer.object == "text_completion"


def test_how_far_an_embedding_of_many_texts_is_stands_in_the_log(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("herd.serve.answering.EVERY", 0.0)
    caplog.set_level("INFO", "herd.serve.access")

    client.embeddings.create(model="wool", input=["llama wool", "river", "hum"])

    assert "wool:file embeds: 2 of 3 texts" in caplog.text
    assert "3 of 3" not in caplog.text
    assert "river" not in caplog.text


def test_texts_become_vectors(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model="wool", input=["llama wool", "river"])

    assert len(found.data) == 2
    for each in found.data:
        assert math.isclose(sum(value * value for value in each.embedding), 1, rel_tol=1e-4)
    plain = client.embeddings.create(model="wool", input="llama wool", encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(found.data[0].embedding, abs=1e-5)


def test_an_unknown_model_is_not_another_one(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="wol"):
        client.chat.completions.create(model="wol", messages=QUESTION)


def test_a_call_of_a_tool_is_told_apart_from_text(serve: Serve) -> None:
    served = serve()
    assert served.engine
    call = 'I look. <tool_call>\n{"name": "weather", "arguments": {"place": "Cusco"}}\n</tool_call>'
    served.engine.reply = lambda *_: call
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="none")

    answer = client.chat.completions.create(
        model="tiny",
        messages=QUESTION,
        tools=[TOOL],
    )
    chunks = list(
        client.chat.completions.create(
            model="tiny",
            messages=QUESTION,
            tools=[TOOL],
            stream=True,
        )
    )
    client.close()

    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls
    function = choice.message.tool_calls[0].function
    assert (function.name, json.loads(function.arguments)) == ("weather", {"place": "Cusco"})
    assert choice.message.content == "I look. "
    streamed = [c.choices[0].delta.tool_calls for c in chunks if c.choices[0].delta.tool_calls]
    assert streamed[0][0].function
    assert streamed[0][0].function.name == "weather"


def test_what_a_tool_answered_reaches_the_model(serve: Serve) -> None:
    served = serve()
    assert served.engine
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="none")
    function = {"name": "weather", "arguments": '{"place": "Cusco"}'}
    messages = [
        *QUESTION,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]

    client.chat.completions.create(model="tiny", messages=messages)
    client.close()

    turns = served.engine.asked[-1][1]
    assert turns[1].calls[0].name == "weather"
    assert (turns[2].role, turns[2].text, turns[2].tool) == ("tool", "rain", "c1")


def test_an_image_is_shown_as_it_came_and_none_is_fetched(serve: Serve, tmp_path: Path) -> None:
    served = serve()
    assert served.engine
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)
    picture = base64.b64encode(pictures.png(tmp_path / "red.png").read_bytes()).decode()

    def ask(url: str) -> None:
        parts = [
            {"type": "text", "text": "what?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
        client.chat.completions.create(
            model="tiny",
            messages=[{"role": "user", "content": parts}],
        )

    with pytest.raises(openai.APIError, match="sees no images"):
        ask(f"data:image/png;base64,{picture}")
    for url in ("http://127.0.0.1/a.png", "/etc/passwd", "file:///etc/passwd"):
        with pytest.raises(openai.BadRequestError, match="fetches no image"):
            ask(url)
    with pytest.raises(openai.BadRequestError, match="no image"):
        ask("data:image/png;base64,aGVyZA==")
    served.herd.projector = tmp_path / "mmproj.gguf"
    ask(f"data:image/png;base64,{picture}")
    client.close()

    (turn,) = served.engine.asked[-1][1]
    assert turn.images == (f"data:image/png;base64,{picture}",)
