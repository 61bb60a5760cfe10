"""An answer in a plain terminal: lines end between words, whatever pieces it comes in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.cli.wrapping import Wrapping


def on_screen(pieces: list[str], columns: int) -> list[str]:
    """The lines that a terminal shows."""
    wrapping = Wrapping()
    written = "".join(wrapping.put(piece, columns) for piece in pieces)
    lines = [""]
    for back, character in re.findall(r"\x1b\[(\d+)D\x1b\[K|(.)", written, re.DOTALL):
        if back:
            lines[-1] = lines[-1][: -int(back)]
        elif character == "\n":
            lines.append("")
        else:
            lines[-1] += character
    return lines


def test_a_word_that_does_not_fit_begins_the_next_line() -> None:
    assert on_screen(["the quick bro", "wn fox"], 12) == ["the quick ", "brown fox"]


def test_a_blank_at_the_edge_is_the_break() -> None:
    assert on_screen(["seven and eight"], 10) == ["seven and", "eight"]


def test_lines_of_its_own_stay() -> None:
    assert on_screen(["a\n\n- b c\n"], 10) == ["a", "", "- b c", ""]


def test_a_word_longer_than_a_line_is_cut() -> None:
    assert on_screen(["https://example.org/x"], 11) == ["https://ex", "ample.org/", "x"]


def test_code_between_fences_keeps_its_lines() -> None:
    code = "```python\nif a long line is here: pass\n```\n"
    assert on_screen([code, "and words again"], 12) == [
        *code.splitlines(),
        "and words ",
        "again",
    ]


def test_characters_of_two_cells_break_anywhere() -> None:
    assert on_screen(["一二三四五"], 7) == ["一二三", "四五"]


def test_a_mark_at_the_edge_takes_no_character_along() -> None:
    """A terminal that is told to go back 0 cells goes back one."""
    written = Wrapping().put("一か\u3099二", 6)

    assert "\x1b" not in written
    assert on_screen(["一か\u3099二"], 6) == ["一か\u3099", "二"]


@pytest.mark.parametrize("columns", [1, 2])
def test_a_terminal_without_room_loses_no_letter(columns: int) -> None:
    assert "".join(on_screen(["ab c"], columns)).replace(" ", "") == "abc"


@given(st.lists(st.text(st.sampled_from("ab \n"), max_size=8)), st.integers(5, 12))
def test_no_line_passes_the_edge_and_no_letter_is_lost(pieces: list[str], columns: int) -> None:
    lines = on_screen(pieces, columns)

    assert all(len(line) < columns for line in lines)
    assert "".join(lines).replace(" ", "") == re.sub(r"\s", "", "".join(pieces))
