"""`herd list` and `herd search`: tables for people, JSON for scripts."""

from __future__ import annotations

from pathlib import Path

from tests.cli.calling import Caller
from tests.tools.fakes import GGUF, STRANGE, digest


def cells(line: str) -> list[str]:
    return line.split()


def test_an_empty_store_says_so_and_prints_nothing(herd: Caller) -> None:
    ran = herd("list")

    assert (ran.code, ran.out, ran.err) == (0, "", "Nothing is installed yet.\n")


def test_list_shows_each_installed_model_in_a_row(herd: Caller) -> None:
    herd("install", "tiny")

    heads, row = herd("ls").out.splitlines()

    assert cells(heads) == ["NAME", "VARIANT", "SIZE", "FIT", "LICENCE", "ROLE", "NOTE"]
    assert cells(row) == ["tiny", "q4_0", "4.1", "kB", "fits", "MIT", "chat"]


def test_list_marks_what_nobody_promised_a_digest_for(herd: Caller, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(STRANGE)
    herd.carrier.contents["https://example.org/mine.gguf"] = STRANGE
    herd("install", "https://example.org/mine.gguf")

    _, row = herd("list").out.splitlines()

    assert cells(row)[0] == "mine"
    assert cells(row)[-1] == "unverified"


def test_list_as_json_has_what_a_script_needs(herd: Caller) -> None:
    herd("install", "tiny")

    (model,) = herd.json("list")

    assert model["reference"] == "tiny:q4_0"
    assert model["size"] == len(GGUF)
    assert model["verified"] is True
    assert model["licence"]["id"] == "MIT"
    assert Path(model["path"]).read_bytes() == GGUF
    (file,) = model["files"]
    assert file["sha256"] == digest(GGUF)
    assert Path(file["blob"]).name == digest(GGUF)


def test_list_as_json_of_nothing_is_an_empty_list(herd: Caller) -> None:
    assert herd.json("list") == []


def test_list_names_a_manifest_that_does_not_read(herd: Caller) -> None:
    herd("install", "tiny")
    (manifest,) = (herd.home / "manifests").rglob("*.json")
    manifest.write_text("{")

    ran = herd("list")

    assert ran.code == 0
    assert str(manifest) in ran.err


def test_search_finds_the_models_that_have_every_word(herd: Caller) -> None:
    rows = herd("search", "alpaca", "13B").out.splitlines()

    assert [cells(row)[0] for row in rows[1:]] == ["alpaca-13b"]
    assert cells(rows[1])[-1] == "historical"


def test_search_without_words_lists_everything_and_marks_what_is_here(herd: Caller) -> None:
    herd("install", "tiny")

    rows = {cells(row)[0]: cells(row)[-1] for row in herd("search").out.splitlines()[1:]}

    assert rows["tiny"] == "installed"
    assert rows["smollm2-135m"] == "recommended"
    assert rows["qwen2.5-0.5b"] == "chat"


def test_search_that_finds_nothing_says_so(herd: Caller) -> None:
    ran = herd("search", "no", "such")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "No model has no and such in what is known of it.\n"


def test_search_as_json_has_variants_files_and_sources(herd: Caller) -> None:
    herd("install", "tiny")

    model, *_ = herd.json("search", "tiny")

    assert model["default"] == "q4_0"
    (variant,) = model["variants"]
    assert variant["installed"] is True
    assert variant["fit"] == "fits"
    assert variant["files"][0]["sources"] == ["models.example.org"]


def test_quiet_leaves_the_table_alone(herd: Caller) -> None:
    assert herd("-q", "list").err == ""
    assert herd("search", "-q", "tiny").out.startswith("NAME")
