"""Bytes of tokens become text: whole characters, and nothing of a stop sequence."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from herd.engine.stream import TextStream

TEXTS = st.text("ab<|é∂🦙", max_size=30)


def streamed(stream: TextStream, content: bytes, cuts: list[int]) -> str:
    edges = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    parts = [content[a:b] for a, b in pairwise(edges)]
    return "".join(stream.feed(part) for part in parts) + stream.end()


def test_a_character_waits_for_its_last_byte() -> None:
    stream = TextStream()

    assert [stream.feed(bytes([byte])) for byte in "🦙!".encode()] == ["", "", "", "🦙", "!"]


def test_what_could_become_a_stop_sequence_waits() -> None:
    stream = TextStream(["<|end|>"])

    assert [stream.feed(part) for part in (b"a <", b"|e", b"x", b"<")] == ["a ", "", "<|ex", ""]
    assert stream.end() == "<"


def test_nothing_follows_a_stop_sequence() -> None:
    stream = TextStream(["END", "N"])

    assert stream.feed(b"one EN") == "one E"
    assert stream.is_stopped
    assert stream.feed(b"D two") + stream.end() == ""


def test_half_a_character_at_the_end_is_shown_as_such() -> None:
    stream = TextStream()

    assert stream.feed("é".encode()[:1]) + stream.end() == "\ufffd"


@given(text=TEXTS, cuts=st.lists(st.integers(0, 200), max_size=20))
def test_however_it_is_cut_the_text_is_the_same(text: str, cuts: list[int]) -> None:
    assert streamed(TextStream(), text.encode(), cuts) == text


@given(
    text=TEXTS,
    stops=st.lists(st.text("ab<|é", min_size=1, max_size=3), max_size=3),
    cuts=st.lists(st.integers(0, 200), max_size=20),
)
def test_however_it_is_cut_no_stop_sequence_comes_through(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    stream = TextStream(stops)
    result = streamed(stream, text.encode(), cuts)

    assert text.startswith(result)
    assert not any(stop in result for stop in stops)
    assert stream.is_stopped == any(stop in text for stop in stops)
    if not stream.is_stopped:
        assert result == text


@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_break_nothing(content: bytes) -> None:
    assert (
        streamed(TextStream(["ab"]), content, [3, 7]).encode()
        == streamed(TextStream(["ab"]), content, []).encode()
    )
