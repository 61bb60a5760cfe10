"""`herd import`: one table of what there is, and what was linked and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import Caller
from tests.foreign import layouts
from tests.foreign.layouts import gguf, write
from tests.legacy.old_file import old_file


@pytest.fixture(autouse=True)
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which other tools have models."""
    home = tmp_path / "other"
    monkeypatch.setenv("HOME", str(home))
    for name in ("OLLAMA_MODELS", "HF_HUB_CACHE", "HF_HOME", "LLAMA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    layouts.ollama(home / ".ollama" / "models", "mynah", "1b", {"model": gguf(1)})
    layouts.huggingface(
        home / ".cache" / "huggingface" / "hub", "user/repo", {"same-q4_0.gguf": gguf(1)}
    )
    write(home / ".lmstudio" / "models" / "u" / "r" / "torn-00001-of-00002.gguf", gguf(2))
    return home


def test_a_scan_shows_one_table_and_imports_nothing_by_itself(herd: Caller) -> None:
    ran = herd("import", "--scan")

    assert ran.code == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["NAME", "TOOL", "SIZE", "SAME", "BYTES", "AS"]
    assert [line[:2] for line in lines[1:]] == [
        ["mynah:1b", "ollama"],
        ["u/r/torn", "lmstudio"],
        ["user/repo/same-q4_0.gguf", "huggingface"],
    ]
    assert "of its 2 parts 2 is missing" in ran.out
    assert lines[3][-2:] == ["ollama", "mynah:1b"]
    assert "Nothing was imported" in ran.err
    assert herd.json("list") == []


def test_all_that_was_found_is_imported_when_that_is_wanted(herd: Caller) -> None:
    ran = herd("import", "--scan", "-y")

    assert ran.code == 0
    assert "Imported mynah:1b from ollama" in ran.err
    assert "hard link, no byte copied" in ran.err
    assert "user/repo/same-q4_0.gguf has the bytes of mynah:1b" in ran.err
    assert [each["reference"] for each in herd.json("list")] == ["mynah:1b"]
    assert herd("verify").code == 0


def test_only_the_named_tools_are_scanned(herd: Caller) -> None:
    found = herd.json("import", "--from", "huggingface")

    assert [(each["tool"], each["trouble"]) for each in found] == [("huggingface", None)]
    wrong = herd("import", "--from", "olama")
    assert (wrong.code, "Did you mean ollama" in wrong.err) == (2, True)


def test_a_file_is_imported_without_a_question(herd: Caller, other: Path) -> None:
    path = write(other / "here" / "My-Model.Q8_0.gguf", gguf(7))

    assert herd("import", str(path), "--dry-run").out.count("My-Model") == 1
    assert herd.json("list") == []
    assert herd("import", str(path), "--as", "mine", "--copy").code == 0

    (listed,) = herd.json("list")
    assert listed["reference"] == "mine:q8_0"
    assert path.stat().st_nlink == 1


def test_a_model_with_a_missing_part_is_never_passed_over_in_silence(
    herd: Caller, other: Path
) -> None:
    torn = other / ".lmstudio" / "models" / "u" / "r" / "torn-00001-of-00002.gguf"

    alone, among = herd("import", str(torn)), herd("import", "--scan", "-y")

    assert (alone.code, among.code) == (8, 0)
    assert "torn cannot be imported: of its 2 parts 2 is missing." in alone.err
    assert "u/r/torn cannot be imported: of its 2 parts 2 is missing." in among.err


def test_wrong_words_are_answered(herd: Caller, other: Path) -> None:
    (other / "empty").mkdir()

    assert herd("import").code == 2
    assert herd("import", "x", "--scan").code == 2
    assert herd("import", str(other / "nothing")).code == 3
    assert herd("import", str(other / "empty")).code == 3
    broken = write(other / "broken.gguf", b"<html>")
    assert herd("import", str(broken)).code == 8


def test_old_files_of_a_folder_are_named_with_what_converts_them(herd: Caller, other: Path) -> None:
    old = write(other / "mixed" / "ggml-old.bin", old_file().bytes)
    write(other / "only" / "a.bin", old_file().bytes)
    write(other / "only" / "b.bin", old_file().bytes)
    write(other / "only" / "notes.bin", b"no model")
    write(other / "mixed" / "new-q4_0.gguf", gguf(9))

    mixed, only = herd("import", str(old.parent)), herd("import", str(other / "only"))

    assert (mixed.code, only.code) == (0, 3)
    assert "Imported new:q4_0" in mixed.err
    assert f"ggml-old.bin. `herd import {old}` converts it." in mixed.err
    assert f"2 ggml files of before GGUF: a.bin, b.bin. `herd import {other / 'only'}" in only.err


def test_what_is_no_gguf_says_so_in_its_row_and_is_not_offered(herd: Caller, other: Path) -> None:
    folder = other / "mixed"
    write(folder / "empty.gguf", b"")
    write(folder / "page.gguf", b"<html>")
    write(folder / "good.gguf", gguf(7))

    shown, taken = herd("import", "--dry-run", str(folder)), herd("import", "-y", str(folder))

    rows = {line.split()[0]: line for line in shown.out.splitlines()}
    assert "it is empty" in rows["empty.gguf"]
    assert "it is no GGUF file" in rows["page.gguf"]
    assert "it is" not in rows["good.gguf"]
    assert taken.code == 0
    assert "page.gguf cannot be imported: it is no GGUF file." in taken.err
    assert [each["name"] for each in herd.json("list")] == ["good"]
