"""What the two processes say to each other comes across whole, and garbage is known as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.chat import Role, Turn
from herd.engine.protocol import (
    Ask,
    Failed,
    Garbled,
    Load,
    Look,
    Reply,
    Request,
    Settings,
    Sign,
    Stop,
    decode_reply,
    decode_request,
    encode,
)
from herd.engine.values import Began, Finished, Loadable, Machine, Ready, Text
from herd.fit import Device
from herd.model import Sampling

TEXT = st.text(st.characters(), max_size=20)  # halves of characters among them
TURNS = st.builds(Turn, st.sampled_from(Role), TEXT, model=st.none() | TEXT)
SAMPLING = st.builds(
    Sampling, temperature=st.none() | st.floats(0, 2), seed=st.none() | st.integers()
)
REPLIES: st.SearchStrategy[Reply] = st.one_of(
    st.builds(Text, TEXT),
    st.builds(Sign, st.floats(0, 1)),
    st.builds(Began, st.integers(), st.integers(), st.integers()),
    st.builds(Failed, TEXT, TEXT, st.none() | TEXT),
    st.builds(
        Finished,
        st.sampled_from(["stop", "length"]),
        st.integers(),
        st.floats(0, 9),
        st.floats(0, 9),
    ),
)


@given(number=st.integers(0), reply=REPLIES)
def test_a_reply_comes_back_in_one_line_of_ascii(number: int, reply: Reply) -> None:
    line = encode(number, reply)

    assert decode_reply(line) == (number, reply)
    assert line.count(b"\n") == 1
    assert line.isascii()


@given(turns=st.lists(TURNS, max_size=4), sampling=SAMPLING, stop=st.lists(TEXT, max_size=2))
def test_a_question_comes_back(turns: list[Turn], sampling: Sampling, stop: list[str]) -> None:
    ask = Ask(tuple(turns), sampling, tuple(stop))

    assert decode_request(encode(3, ask)) == (3, ask)


@pytest.mark.parametrize(
    "request_",
    [
        Stop(),
        Load(Loadable("a", Path("/b/c.gguf")), Settings()),
        Load(
            Loadable("ä", Path("x"), "{{ t }}", ("s",), 512, sampling=Sampling(top_k=3)),
            Settings(0, 2),
        ),
        Look(),
    ],
)
def test_other_requests_come_back(request_: Request) -> None:
    assert decode_request(encode(7, request_)) == (7, request_)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_what_is_no_reply_is_garbled(line: bytes) -> None:
    with pytest.raises(Garbled):
        decode_reply(line)


READY = Ready("a", 1, 1, "t", "CPU", 0, 1, 0.5, why=("context 1",))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Load"},
        {"kind": "Nothing"},
        {"number": "1"},
        {"number": True},
        {"context": "many"},
        {"context": None},
        {"extra": 1},
        {"seconds": "soon"},
        {"template": ["t"]},
        {"why": "because"},
        {"why": [1]},
        {"is_mapped": 1},
    ],
)
def test_a_reply_with_a_wrong_field_is_garbled(change: dict[str, object]) -> None:
    said = json.loads(encode(1, READY)) | change

    with pytest.raises(Garbled):
        decode_reply(json.dumps(said).encode())


MACHINE = Machine((Device("CPU", False, 1, 2, "a CPU"),), ("AVX2",))


def test_a_machine_comes_back() -> None:
    assert decode_reply(encode(1, MACHINE)) == (1, MACHINE)


@pytest.mark.parametrize("change", [{"free": "much"}, {"name": 1}, {"speed": 1}])
def test_a_device_that_is_none_is_garbled(change: dict[str, object]) -> None:
    said = json.loads(encode(1, MACHINE))
    said["devices"][0] |= change

    with pytest.raises(Garbled):
        decode_reply(json.dumps(said).encode())


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"number": 1}', b"null", b"\xff"])
def test_a_line_that_is_made_to_hurt_is_garbled(line: bytes) -> None:
    with pytest.raises(Garbled):
        decode_reply(line)
