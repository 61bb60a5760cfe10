"""What is wrong with a JSON Schema is said in words of whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from herd.engine.grammar import grammar
from herd.engine.schema_flaw import flaw
from herd.errors import EngineFailed

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "strng"}, "type must be one of string, number, integer"),
    ({"properties": [1]}, "properties must be an object that has a schema for each name"),
    ({"properties": {"a": {"type": 5}}}, "properties.a.type must be one of"),
    ({"properties": {"a": "string"}}, "properties.a must be an object, as a schema is"),
    ({"enum": 5}, "enum must be a list of values"),
    ({"anyOf": []}, "anyOf must be a list of schemas"),
    ({"anyOf": [{}, {"type": "x"}]}, "anyOf[1].type must be one of"),
    ({"type": "array", "items": {}}, "items must be an object that says what an item is"),
    ({"type": "array", "items": True}, "items must be an object that says what an item is"),
    ({"required": "a"}, "required must be a list of names"),
    ({"$ref": "https://example.org/x"}, "herd fetches no schema"),
    ({"$ref": "#/$defs/x", "$defs": {}}, "$ref refers to #/$defs/x, which is not in the schema"),
    ({"type": "string", "pattern": "abc"}, "pattern must be a text that begins with ^"),
    ({"minItems": "3"}, "minItems must be a whole number from 0 on"),
    ({"minItems": 5, "maxItems": 2}, "minItems must be no more than maxItems"),
    ({"minimum": "x"}, "minimum must be a number"),
    ({"additionalProperties": 5}, "additionalProperties must be an object"),
    ({"not": {"type": "string"}}, "there is no grammar of {'not'"),
    ({"type": "string", "minLength": 10**9}, "it asks for too many repetitions"),
]
TAKEN: list[dict[str, Any]] = [
    {},
    {"type": ["string", "null"]},
    {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
    {"type": "array", "prefixItems": [{"type": "string"}]},
    {"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer", "minimum": 1}}},
    {"type": "object", "additionalProperties": False, "properties": {"enum": {"const": 5}}},
    {"type": "string", "pattern": "^a+$", "minLength": 1, "maxLength": 9},
]


@pytest.mark.parametrize(("schema", "said"), REFUSED, ids=lambda each: str(each)[:40])
def test_a_flaw_is_named_with_its_place(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(EngineFailed) as caught:
        grammar(schema)

    assert said in caught.value.message
    assert "object has no attribute" not in caught.value.message


@pytest.mark.parametrize("schema", TAKEN, ids=str)
def test_a_schema_without_a_flaw_becomes_a_grammar(schema: dict[str, Any]) -> None:
    assert flaw(schema) is None
    assert "root" in grammar(schema)


def test_a_schema_that_nests_without_end_says_how_deep_it_may() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(20_000):
        schema = {"type": "array", "items": schema}

    assert flaw(schema) == "it is nested more than 64 levels deep"
