"""What an answer may need beside turns and sampling, and texts as vectors: a real child."""

from __future__ import annotations

import json
import math
import threading

import pytest

from herd.chat import Call, Role, Turn
from herd.engine import Engine, Extras, Finished, Loadable, Odds, Text
from herd.engine.grammar import grammar
from herd.engine.template import Special, Template
from herd.errors import EngineFailed
from herd.model import Sampling
from tests.engine.conftest import last_pid
from tests.tools.tiny_gguf import CHATML

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}
KNOWS_TOOLS = (
    "{% for tool in tools or [] %}[tool {{ tool.function.name }}]{% endfor %}"
    "{% for m in messages %}{{ m.role }}: {{ m.content }}"
    "{% for c in m.tool_calls or [] %}[call {{ c.function.name }} {{ c.function.arguments }}]"
    "{% endfor %}\n{% endfor %}"
)


def answer(engine: Engine, model: Loadable, extras: Extras, most: int = 40) -> list[object]:
    turns = [Turn(Role.USER, "llama wool")]
    sampling = Sampling(temperature=0.8, seed=7, max_tokens=most)
    return list(engine.answer(model, turns, sampling, threading.Event(), extras))


def text_of(pieces: list[object]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def test_an_answer_conforms_to_its_schema(engine: Engine, tiny: Loadable) -> None:
    schema = {
        "type": "object",
        "properties": {"wool": {"type": "boolean"}, "legs": {"enum": [2, 4]}},
        "required": ["wool", "legs"],
    }

    said = json.loads(text_of(answer(engine, tiny, Extras(schema=schema), most=200)))

    assert isinstance(said["wool"], bool)
    assert said["legs"] in (2, 4)


def test_a_schema_and_a_penalty_for_repeating_go_together(engine: Engine, tiny: Loadable) -> None:
    sampling = Sampling(temperature=0.8, seed=7, max_tokens=100, repeat_penalty=1.1)
    turns = [Turn(Role.USER, "llama wool")]
    schema = {"type": "object", "properties": {"legs": {"enum": [2, 4]}}, "required": ["legs"]}

    pieces = list(engine.answer(tiny, turns, sampling, threading.Event(), Extras(schema=schema)))

    assert json.loads(text_of([*pieces]))["legs"] in (2, 4)


def test_a_schema_that_no_grammar_holds_is_refused_and_the_engine_lives(
    engine: Engine, tiny: Loadable
) -> None:
    with pytest.raises(EngineFailed, match="cannot be made into a grammar"):
        answer(engine, tiny, Extras(schema={"$ref": "https://127.0.0.1/none"}))

    assert isinstance(answer(engine, tiny, Extras(), most=3)[-1], Finished)


def test_a_schema_that_goes_on_for_ever_is_refused() -> None:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(20_000):
        schema = {"type": "array", "items": schema}

    with pytest.raises(EngineFailed):
        grammar(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "minItems": 1_000_000_000},
        {"type": "array", "items": {"type": "string"}, "maxItems": 1_000_000_000},
        {"type": "string", "minLength": 1_000_000_000},
        {"type": "string", "maxLength": 20_000},
        {"type": "string", "pattern": "^a{1,30000}$"},
    ],
)
def test_a_small_schema_of_a_huge_grammar_is_refused_and_the_engine_lives(
    engine: Engine, tiny: Loadable, schema: dict[str, object]
) -> None:
    answer(engine, tiny, Extras(), most=3)
    before = last_pid()

    with pytest.raises(EngineFailed, match="cannot be made into a grammar"):
        answer(engine, tiny, Extras(schema=schema))

    answer(engine, tiny, Extras(), most=3)
    assert last_pid() == before


def test_the_odds_of_each_token_come_before_its_text(engine: Engine, tiny: Loadable) -> None:
    pieces = answer(engine, tiny, Extras(likeliest=3), most=5)

    odds = [piece for piece in pieces if isinstance(piece, Odds)]
    finished = pieces[-1]
    assert isinstance(finished, Finished)
    assert len(odds) in (finished.tokens, finished.tokens - 1)  # an end has no odds
    for each in odds:
        assert each.logprob <= 0
        assert max(each.likeliest.values()) >= each.logprob
        assert len(each.likeliest) <= 3


def test_a_prompt_is_gone_on_with_as_it_is(engine: Engine, tiny: Loadable) -> None:
    began = answer(engine, tiny, Extras(prompt="llama wool"), most=3)[0]
    templated = answer(engine, tiny, Extras(), most=3)[0]

    assert began.prompt_tokens < templated.prompt_tokens  # type: ignore[attr-defined]


def test_texts_become_vectors_of_length_one(engine: Engine, tiny: Loadable) -> None:
    same, other, again = engine.embed(
        tiny, ["llama wool", "river stone", "llama wool"], threading.Event()
    )

    assert math.isclose(sum(value * value for value in same.values), 1.0, rel_tol=1e-5)
    assert same == again
    assert same != other


def test_a_text_that_is_too_long_has_no_vector(engine: Engine, tiny: Loadable) -> None:
    with pytest.raises(EngineFailed, match=r"must have from 1 to"):
        engine.embed(tiny, ["llama " * 20_000], threading.Event())


def test_a_template_that_knows_tools_is_given_them() -> None:
    turns = [
        Turn(Role.USER, "Does it rain?"),
        Turn(Role.ASSISTANT, "", calls=(Call("weather", '{"place": "Cusco"}', "c1"),)),
        Turn(Role.TOOL, "It does.", tool="c1"),
    ]

    prompt = Template(KNOWS_TOOLS, Special()).render(turns, [TOOL])

    assert prompt.startswith("[tool weather]")
    assert "[call weather {'place': 'Cusco'}]" in prompt
    assert "tool: It does." in prompt


def test_a_template_that_knows_no_tools_is_given_words() -> None:
    turns = [
        Turn(Role.USER, "Does it rain?"),
        Turn(Role.ASSISTANT, "", calls=(Call("weather", '{"place": "Cusco"}', "c1"),)),
        Turn(Role.TOOL, "It does.", tool="c1"),
    ]

    prompt = Template(CHATML, Special()).render(turns, [TOOL])

    assert '"name": "weather", "description": "The weather of a place."' in prompt
    assert '<tool_call>\n{"name": "weather", "arguments": {"place": "Cusco"}}' in prompt
    assert "<tool_response>\nIt does." in prompt


@pytest.mark.parametrize("value", ["a\\b", 'say "hum"', "two\nlines", "nul\x00", "h\u00fct\u2028"])
def test_whatever_a_schema_demands_is_said_as_json(
    engine: Engine, tiny: Loadable, value: str
) -> None:
    sampling = Sampling(temperature=0.0, max_tokens=200)
    schema = {"type": "object", "properties": {value: {"const": value}}, "required": [value]}
    extras = Extras(schema=schema)

    pieces = engine.answer(tiny, [Turn(Role.USER, "hum")], sampling, threading.Event(), extras)
    text = "".join(each.text for each in pieces if isinstance(each, Text))

    assert json.loads(text) == {value: value}


def test_a_grammar_that_llama_cpp_does_not_take_is_one_sentence(
    engine: Engine, tiny: Loadable
) -> None:
    schemas: list[dict[str, object]] = [{"type": "string", "pattern": r"^a\Qb$"}]
    for schema in schemas:
        pieces = engine.answer(
            tiny,
            [Turn(Role.USER, "hum")],
            Sampling(max_tokens=4),
            threading.Event(),
            Extras(schema=schema),
        )
        with pytest.raises(EngineFailed, match="does not take the grammar") as caught:
            list(pieces)
        assert caught.value.hint == "Write the schema more simply."
    assert engine.ensure(tiny).reference == tiny.reference
