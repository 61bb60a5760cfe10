"""`herd info`: one model, offered or installed or both."""

from __future__ import annotations

from pathlib import Path

from tests.cli.calling import Caller
from tests.tools import tiny_gguf
from tests.tools.fakes import GGUF, STRANGE, digest
from tests.tools.tiny_gguf import Tiny


def test_an_offered_model_shows_what_it_is_its_terms_its_variants_and_its_sources(
    herd: Caller,
) -> None:
    out = herd("info", "alpaca-13b").out

    assert "Alpaca 13B" in out
    assert "research-only, no commercial use, must be accepted" in out
    assert "the bytes may not be passed on" in out
    assert "8.14 GB" in out
    sources = [line.strip() for line in out.splitlines() if line.startswith(("  from", "  then"))]
    assert sources[0].endswith("magnet 053b3d54…")
    assert "f3cf71b1… (revoked, never asked" in sources[-1]


def test_the_sources_are_those_of_the_variant_that_was_named(herd: Caller) -> None:
    plain, other = herd("show", "smollm2").out, herd("show", "smollm2:q4_k_m").out

    assert "Sources of q4_1" in plain
    assert "Sources of q4_k_m" in other


def test_an_installed_model_shows_where_it_lies_and_what_proves_it(herd: Caller) -> None:
    herd("install", "tiny")

    out = herd("info", "tiny").out

    assert "Installed: tiny:q4_0" in out
    assert str(herd.home / "models" / "tiny" / "q4_0" / "tiny.gguf") in out
    assert digest(GGUF) in out
    assert "verified" in out


def test_a_model_that_no_registry_offers_is_shown_as_installed(herd: Caller) -> None:
    herd.carrier.contents["https://example.org/mine.gguf"] = STRANGE
    herd("install", "https://example.org/mine.gguf")

    out = herd("info", "mine").out

    assert out.startswith("Installed: mine:file")
    assert "unverified: nobody promised a digest" in out


def test_as_json_both_sides_are_there_or_null(herd: Caller) -> None:
    before = herd.json("info", "tiny")
    herd("install", "tiny")
    after = herd.json("info", "tiny")

    assert before["installed"] == []
    assert before["offered"]["name"] == "tiny"
    assert after["installed"][0]["reference"] == "tiny:q4_0"


def test_an_unknown_name_is_an_error_that_offers_the_nearest(herd: Caller) -> None:
    ran = herd("info", "smolm2")

    assert ran.code == 3
    assert ran.out == ""
    assert "smollm2" in ran.err


def test_an_unknown_variant_is_an_error_that_names_those_there_are(herd: Caller) -> None:
    ran = herd("info", "tiny:q9")

    assert ran.code == 3
    assert "q4_0" in ran.err


def test_an_old_model_tells_what_it_is_its_terms_its_sources_and_what_is_converted(
    herd: Caller,
) -> None:
    out = herd("info", "alpaca-7b").out

    assert "Stanford's recipe for LLaMA 7B" in out
    assert "for research alone" in out
    assert "magnet 5aaceaec…" in out
    assert "makes a GGUF of ggml-alpaca-7b-q4.bin in about 17 s; --keep-original keeps both" in out
    assert "ggml: converted to GGUF by install" in out


def test_a_template_that_would_be_a_guess_is_shown_before_a_model_is_loaded(
    herd: Caller, tmp_path: Path
) -> None:
    for name in ("wool-instruct", "wool-base"):
        herd("install", str(tiny_gguf.write(tmp_path / f"{name}.gguf", Tiny(template=None))))

    assert "chatml, guessed by its vocabulary" in herd("info", "wool-instruct").out
    assert "none, it continues plain text" in herd("info", "wool-base").out
    (held,) = herd.json("info", "wool-instruct")["installed"]
    assert held["template"] == "chatml, guessed by its vocabulary"
    assert held["verdict"] == "fits"
    assert any("threads" in each or "thread:" in each for each in held["why"])


def test_of_a_file_by_its_path_what_its_header_says_is_shown(herd: Caller, tmp_path: Path) -> None:
    path = tiny_gguf.write(tmp_path / "Mine-Q8_0.gguf")

    ran = herd("info", str(path))

    assert ran.code == 0
    assert ran.out.splitlines()[0] == str(path)
    assert "kind     llama" in ran.out
    assert "context  4096" in ran.out
    told = herd.json("info", str(path))["file"]
    assert (told["size"], told["context"]) == (path.stat().st_size, 4096)


def test_a_file_that_is_no_model_is_said_to_be_none(herd: Caller, tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_text("<html>")

    ran = herd("info", str(path))

    assert (ran.code, ran.out) == (8, "")
    assert "is no GGUF model" in ran.err
