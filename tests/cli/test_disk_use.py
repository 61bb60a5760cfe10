"""`herd df`, `herd prune` and `herd remove`: what is taken, and what would be free."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.calling import Caller, Typed
from tests.foreign.layouts import gguf, write

if TYPE_CHECKING:
    import pytest


def test_df_shows_each_model_and_what_is_left(herd: Caller) -> None:
    herd("install", "tiny")

    ran = herd("df")

    lines = ran.out.splitlines()
    assert lines[0].split() == ["NAME", "SIZE", "FREES", "SHARED", "LINKED"]
    assert lines[1].split()[:5] == ["tiny:q4_0", "4.1", "kB", "4.1", "kB"]
    assert lines[2].startswith("models    4.1 kB in 1 model")
    assert lines[-1].startswith("free ")
    found = herd.json("df")
    assert (found["total"], found["models"][0]["frees"], found["prune"]) == (4100, 4100, 0)


def test_prune_shows_and_takes_nothing_without_a_yes(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = write(herd.home / "staging" / f"{'a' * 64}.part", bytes(9000))

    assert herd("prune").code == 0
    assert herd("prune", "--dry-run").out.splitlines()[1].startswith("unfinished")
    assert part.exists()

    monkeypatch.setattr("sys.stdin", Typed("n\n", is_terminal=True))
    monkeypatch.setattr("herd.cli.session.is_interactive", lambda: True)
    assert "Nothing was taken away" in herd("prune").err
    assert part.exists()

    ran = herd("prune", "-y")
    assert "Pruned: " in ran.err
    assert not part.exists()
    assert "There is nothing to prune." in herd("prune").err


def test_remove_says_why_less_is_free_than_the_model_takes(herd: Caller, tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.gguf", gguf())
    herd("import", str(path))

    ran = herd("remove", "theirs", "-y")

    assert "0 B freed (another tool keeps the bytes)." in ran.err
    assert path.read_bytes() == gguf()
