"""Conversations out of ChatGPT's export, and what is no export of it."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.chat import Role, Turn
from herd.chatgpt import conversations
from herd.errors import BadUsage


def message(role: str, *parts: object, model: str | None = None) -> dict[str, object]:
    return {
        "author": {"role": role},
        "content": {"content_type": "text", "parts": list(parts)},
        "metadata": {"model_slug": model} if model else {},
    }


def exported() -> dict[str, object]:
    return {
        "title": "Llamas",
        "id": "abc",
        "create_time": 1700000000.5,
        "update_time": 1700000100.0,
        "current_node": "4",
        "mapping": {
            "0": {"message": None, "parent": None},
            "1": {"message": message("system", ""), "parent": "0"},
            "2": {"message": message("user", "Why hum?"), "parent": "1"},
            "3": {"message": message("assistant", "An older answer."), "parent": "2"},
            "4": {
                "message": message("assistant", "To talk.", {"image": 1}, model="gpt-4"),
                "parent": "2",
            },
        },
    }


def test_the_current_path_becomes_the_turns() -> None:
    (found,) = conversations(json.dumps([exported()]).encode())

    assert found.turns == (
        Turn(Role.USER, "Why hum?"),
        Turn(Role.ASSISTANT, "To talk.", model="gpt-4"),
    )
    assert found.title == "Llamas"
    assert found.created_at == "2023-11-14T22:13:20+00:00"


def test_the_same_export_gives_the_same_ids_so_that_nothing_comes_twice() -> None:
    content = json.dumps([exported()]).encode()

    assert conversations(content)[0].id == conversations(content)[0].id == "chatgpt-abc"


def test_a_path_that_goes_in_a_circle_ends() -> None:
    circle = exported()
    circle["mapping"] = {
        "3": {"message": None, "parent": "4"},
        "4": {"message": None, "parent": "3"},
    }

    assert conversations(json.dumps([circle]).encode()) == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}x",
        b"3",
        b'"x"',
        b"[3]",
        b'[{"mapping": {"a": 1}, "current_node": "a"}]',
        b'[{"mapping": {}, "create_time": 1e99}]',
    ],
)
def test_what_is_no_export_is_refused(content: bytes) -> None:
    with pytest.raises(BadUsage):
        conversations(content)


KEYS = ("mapping", "current_node", "message", "author", "role", "content", "parts", "a")
JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    with suppress(BadUsage):
        conversations(json.dumps([value]).encode())
