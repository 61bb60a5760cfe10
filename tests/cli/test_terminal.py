"""What is written to terminals: tables, styles, and strangers' texts without their escapes."""

from __future__ import annotations

import io
import re

import pytest

from herd.cli.bar import in_words
from herd.cli.table import table
from herd.cli.terminal import BOLD, is_terminal, one_line, plain, styled
from herd.progress import Progress, Stage


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_strangers_text_loses_its_control_characters_and_nothing_else() -> None:
    hostile = "a\x1b]0;owned\x07b\x9b31mc\x7f\x00\x08\ttab\nline \N{LLAMA}"

    assert plain(hostile) == "a]0;ownedb31mc\ttab\nline \N{LLAMA}"
    assert one_line(hostile) == "a]0;ownedb31mc tab line \N{LLAMA}"


def test_columns_stand_under_their_heads() -> None:
    assert table(("NAME", "SIZE"), [("a", "1 B"), ("long name", "10 MB")], right=("SIZE",)) == (
        "NAME        SIZE\na            1 B\nlong name  10 MB"
    )


def test_a_cell_with_newlines_and_escapes_stays_in_its_row() -> None:
    assert table(("A", "B"), [("x\n\x1b[2Jy", "z")]) == "A       B\nx [2Jy  z"


def test_on_a_terminal_a_long_row_is_cut_at_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("herd.cli.table.is_terminal", lambda _: True)
    monkeypatch.setattr("herd.cli.table.width", lambda: 10)

    lines = table(("A",), [("x" * 30,)]).splitlines()

    assert lines[1] == "x" * 9 + "…"


def test_cells_that_say_how_it_stands_are_painted_and_never_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain_one = table(("NAME", "FIT", "NOTE"), [("a", "fits", ""), ("fits", "too big", "x" * 90)])
    monkeypatch.setattr("herd.cli.table.is_terminal", lambda _: True)
    monkeypatch.setattr("herd.cli.table.width", lambda: 60)
    monkeypatch.setattr("herd.cli.terminal.is_terminal", lambda _: True)

    painted = table(("NAME", "FIT", "NOTE"), [("a", "fits", ""), ("fits", "too big", "x" * 90)])

    assert "\x1b[32mfits" in painted
    assert "\x1b[1;31mtoo big" in painted
    bare = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in painted.splitlines()]
    whole = plain_one.splitlines()
    assert bare == [*whole[:2], whole[2][:59] + "…"]


def test_styles_are_for_terminals_that_show_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert styled("x", BOLD, Screen()) == "\x1b[1mx\x1b[0m"
    assert styled("x", BOLD, io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert styled("x", BOLD, Screen()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert styled("x", BOLD, Screen()) == "x"


def test_a_closed_stream_has_no_reader() -> None:
    stream = io.StringIO()
    stream.close()

    assert not is_terminal(stream)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (Progress(Stage.WAITING, 0, None, 0.0, ""), "waiting"),
        (
            Progress(Stage.FETCHING, 5_000_000, 10_000_000, 1e6, "a\x1b[2Jb"),
            "fetching · 5.0 MB of 10.0 MB · 1.0 MB/s · 5 s left · a[2Jb",
        ),
        (Progress(Stage.FETCHING, 5_000, None, 1e3, ""), "fetching · 5.0 kB · 1.0 kB/s"),
        (Progress(Stage.INSTALLING, 0, None, 9.0, ""), "installing"),
    ],
)
def test_progress_on_one_line(now: Progress, words: str) -> None:
    assert in_words(now) == words
