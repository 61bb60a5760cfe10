"""Calls of tools in what a model says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.serve.calls import CallReader

CALL = '{"name": "weather", "arguments": {"place": "Cusco"}}'
SAID = [
    f"<tool_call>\n{CALL}\n</tool_call>",
    CALL,
    '{"name": "weather", "parameters": {"place": "Cusco"}}',
    f"[TOOL_CALLS][{CALL}]",
    f"<|python_tag|>{CALL}",
]


def read(parts: list[str]) -> tuple[str, list[tuple[str, object]]]:
    reader = CallReader(frozenset({"weather"}))
    text = "".join(reader.feed(part) for part in parts) + reader.close()
    return text, [(call.name, json.loads(call.arguments)) for call in reader.calls]


@pytest.mark.parametrize("said", SAID)
def test_every_form_of_a_call_is_read(said: str) -> None:
    assert read([said]) == ("", [("weather", {"place": "Cusco"})])


@pytest.mark.parametrize("said", SAID)
def test_it_does_not_matter_where_the_tokens_end(said: str) -> None:
    assert read(list(said)) == read([said])


def test_several_calls_and_the_text_around_them() -> None:
    said = f"Both. <tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call> So."

    text, calls = read([said])

    assert text == "Both. \n So."
    assert len(calls) == 2


@pytest.mark.parametrize(
    "said",
    [
        '<tool_call>{"name": "rm", "arguments": {}}</tool_call>',
        "<tool_call>no JSON</tool_call>",
        '{"name": "weather", "arguments": "none"}',
        '{"an": "object"}',
        "{ not JSON",
        "a < b <tool",
        "<tool_call>never closed",
    ],
)
def test_what_is_no_call_of_an_offered_tool_stays_a_text(said: str) -> None:
    assert read(list(said)) == (said, [])


@given(st.lists(st.sampled_from(["<tool_call>", "</tool_call>", "{", "}", " ", "x", CALL, "["])))
def test_nothing_that_was_said_is_lost(parts: list[str]) -> None:
    text, calls = read(parts)

    assert read(["".join(parts)]) == (text, calls)
    if not calls:
        assert text == "".join(parts)


def test_without_tools_a_text_goes_through_at_once() -> None:
    assert CallReader(frozenset()).feed("<tool_call>") == "<tool_call>"
