"""Files that people still have: what herd finds out by itself, and what it has to ask."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from herd.chat import Role, Turn
from herd.core import Herd
from herd.engine.template import Special, Template
from herd.errors import BadUsage, LegacyDamaged, LegacyRefused
from herd.legacy import PROMPTS, guessed
from herd.model import Format, Installed, PathSource
from herd.registry.layers import shipped
from herd.resolve import Promise
from tests.cli.calling import Caller, Typed
from tests.tools.fakes import digest, herd_at

from .gguf_reader import read_gguf
from .given import folder, given
from .test_install import GPT_J


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with an old model in one file and one in two parts."""
    folder = tmp_path / "own"
    folder.mkdir()
    shutil.copy(given("ggml0-q4_0"), folder / "old-thing.bin")
    shutil.copy(given("ggml0-q4_0"), folder / "my-gpt4all.bin")
    for suffix in (".bin", ".bin.1"):
        shutil.copy(given("ggmf1-q4_0-2part", suffix), folder / f"parts{suffix}")
    return folder


@pytest.fixture
def herd(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Caller:
    caller = Caller(tmp_path / "home", capsys)
    caller.make = lambda: Herd(herd_at(caller.home).places)
    return caller


def installed(herd: Caller) -> Installed:
    (one,) = herd.make().store.installed()
    return one


def test_the_header_says_what_a_file_is_called_and_what_is_in_it(herd: Caller, own: Path) -> None:
    choice = herd.make().choose(str(own / "old-thing.bin"))

    assert str(choice.reference) == "old-thing:q4_0"
    assert choice.variant.format is Format.GGML
    assert choice.variant.quantisation == "Q4_0"
    assert choice.variant.size == (own / "old-thing.bin").stat().st_size


def test_the_parts_beside_a_file_belong_to_it(herd: Caller, own: Path) -> None:
    choice = herd.make().choose(str(own / "parts.bin"), Promise(name="whole"))

    assert choice.model.name == "whole"
    assert [file.name for file in choice.variant.files] == ["parts.bin", "parts.bin.1"]
    assert [file.sources for file in choice.variant.files] == [
        (PathSource(str(own / "parts.bin")),),
        (PathSource(str(own / "parts.bin.1")),),
    ]
    assert herd("install", "--template", "plain", str(own / "parts.bin")).code == 0
    assert herd.make().store.path_of(installed(herd)).read_bytes().startswith(b"GGUF")


def test_one_digest_cannot_vouch_for_two_parts(herd: Caller, own: Path) -> None:
    with pytest.raises(BadUsage, match="has 2 parts"):
        herd.make().choose(str(own / "parts.bin"), Promise(sha256="ab" * 32))


def test_a_missing_part_is_said_before_anything_is_asked(herd: Caller, own: Path) -> None:
    (own / "parts.bin.1").unlink()

    with pytest.raises(LegacyDamaged, match=r"parts\.bin\.1, part 1 of parts\.bin, is missing"):
        herd.make().choose(str(own / "parts.bin"))


def test_another_model_is_refused_by_its_name(herd: Caller, own: Path) -> None:
    (own / "other.bin").write_bytes(GPT_J)

    with pytest.raises(LegacyRefused, match=r"other\.bin is a GPT-J"):
        herd.make().choose(str(own / "other.bin"))
    ran = herd("install", str(own / "other.bin"))

    assert ran.code == 8
    assert "is a GPT-J ggml file" in ran.err
    assert not (herd.home / "staging").exists()


REGISTRY = """\
schema: 1
registry: {{name: mine}}
models:
  known:
    title: Known
    licence: {{id: research-only, url: "https://example.org/terms", must-be-accepted: true}}
    template: "{{{{ messages[0].content }}}}"
    default: first
    variants:
      first:
        format: ggml
        files:
        - {{name: known.bin, size: {size}, sha256: {sha256}, sources: [{{url: "{url}"}}]}}
"""


def test_a_file_that_the_registry_knows_is_its_model_whatever_it_is_called(
    herd: Caller, own: Path
) -> None:
    path = own / "old-thing.bin"
    size, sha256 = path.stat().st_size, digest(path.read_bytes())
    herd.offer(REGISTRY.format(size=size, sha256=sha256, url="https://example.org/x"), "mine")

    assert herd("install", str(path)).code == 7
    ran = herd("install", "--accept-licence", str(path))

    assert ran.code == 0
    assert "That is known:first of the registry, by its digest." in ran.err
    assert "nothing: it is read where it lies" in ran.err
    one = installed(herd)
    assert (str(one.reference), one.title, one.is_verified) == ("known:first", "Known", True)
    assert one.template == "{{ messages[0].content }}"
    assert "is installed already" in herd("install", "known").err


def test_a_file_of_the_same_size_is_not_taken_for_another(herd: Caller, own: Path) -> None:
    path = own / "old-thing.bin"
    size = path.stat().st_size
    herd.offer(REGISTRY.format(size=size, sha256="ab" * 32, url="https://example.org/x"), "mine")

    assert herd("install", str(path)).code == 0

    assert installed(herd).name == "old-thing"


def test_a_file_may_be_called_as_a_model_of_the_registry(herd: Caller, own: Path) -> None:
    (own / "old-thing.bin").rename(own / "alpaca-7b.bin")

    assert herd("install", str(own / "alpaca-7b.bin")).code == 0

    assert str(installed(herd).reference) == "own-alpaca-7b:q4_0"


HOSTILE = sorted(
    # The one that says GGUF is no old file to install: the engine tells what it is.
    path
    for path in (folder() / "hostile").glob("*.bin")
    if path.stem != "gguf-magic"
)


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_a_hostile_file_is_one_sentence_and_leaves_nothing(herd: Caller, path: Path) -> None:
    ran = herd("install", "-q", str(path))

    assert ran.code == 8
    assert path.name in ran.err
    assert ran.err.count("\n") == 2, "a sentence and a hint"
    places = herd.make().places
    for folder_of_store in (places.blobs, places.staging, places.manifests, places.models):
        assert not folder_of_store.exists() or not [*folder_of_store.iterdir()]


# What it does not say


def test_a_person_is_asked_for_name_and_prompt_and_nothing_else(
    herd: Caller, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.cli.session.is_interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", Typed("No Name\nmine\nllama\nvicuna\n", is_terminal=True))

    ran = herd("install", str(own / "old-thing.bin"))

    assert ran.code == 0
    assert ran.err.count("Its name [old-thing]") == 2
    assert ran.err.count("(alpaca, vicuna, plain) [plain]") == 2
    one = installed(herd)
    assert str(one.reference) == "mine:q4_0"
    assert one.template == PROMPTS["vicuna"].template
    assert one.stop == ("USER:",)


def test_an_empty_answer_takes_what_the_name_gives_away(
    herd: Caller, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.cli.session.is_interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", Typed("\n\n", is_terminal=True))

    assert herd("install", str(own / "my-gpt4all.bin")).code == 0

    assert installed(herd).template == PROMPTS["alpaca"].template


def test_flags_answer_for_scripts(herd: Caller, own: Path) -> None:
    path = str(own / "old-thing.bin")

    ran = herd("install", "--as", "mine", "--template", "alpaca", "--keep-original", path)

    assert ran.code == 0
    assert "Converted from old-thing.bin (ggml, 157.2 kB), kept beside it." in ran.err
    one = installed(herd)
    assert [file.name for file in one.files] == ["old-thing.gguf", "old-thing.bin"]
    told = herd("info", "mine").out
    assert f"made of  {digest((own / 'old-thing.bin').read_bytes())} old-thing.bin" in told
    assert "(ggml, converter 1)" in told
    original = herd.json("info", "mine")["installed"][0]["original"]
    assert [file["name"] for file in original["files"]] == ["old-thing.bin"]
    keys = read_gguf(herd.make().store.path_of(one)).keys
    assert keys["tokenizer.chat_template"].decode() == PROMPTS["alpaca"].template


def test_a_script_is_told_what_was_guessed_and_what_was_not(herd: Caller, own: Path) -> None:
    assert "for the prompt alpaca" in herd("install", str(own / "my-gpt4all.bin")).err
    ran = herd("install", str(own / "old-thing.bin"))

    assert "Nothing says which prompt old-thing.bin was made for" in ran.err
    models = {each.name: each for each in herd.make().store.installed()}
    assert models["my-gpt4all"].template == PROMPTS["alpaca"].template
    assert models["old-thing"].template is None


def test_an_unknown_prompt_is_refused_before_anything_else(herd: Caller, own: Path) -> None:
    ran = herd("install", "--template", "llama", str(own / "old-thing.bin"))

    assert ran.code == 2
    assert "There is alpaca, vicuna, plain." in ran.err


def test_the_registry_knows_the_prompts_of_its_own_models(herd: Caller) -> None:
    assert "--template go with an address" in herd("install", "--template", "plain", "tiny").err


def test_the_plan_of_an_old_file_says_what_converting_takes(herd: Caller, own: Path) -> None:
    ran = herd("install", "--dry-run", str(own / "old-thing.bin"))

    assert "fetch    nothing: it is read where it lies" in ran.out
    assert "convert  to GGUF, in a second" in ran.out
    assert "disk     up to 4.4 MB until it is converted; " in ran.out


# The other verbs


def test_import_takes_old_files_as_install_does(herd: Caller, own: Path) -> None:
    path = str(own / "old-thing.bin")

    ran = herd("import", "--as", "mine", "--template", "vicuna", "--keep-original", path)

    assert ran.code == 0
    assert "Converted from old-thing.bin (ggml, 157.2 kB), kept beside it." in ran.err
    one = installed(herd)
    assert (one.name, one.stop) == ("mine", ("USER:",))
    assert "other.bin is a GPT-J" in herd("import", other_model(own)).err


def test_a_folder_of_old_files_is_said_to_be_one(herd: Caller, own: Path) -> None:
    ran = herd("import", str(own))

    assert ran.code == 3
    assert (
        "It has 3 ggml files of before GGUF: my-gpt4all.bin, old-thing.bin, parts.bin." in ran.err
    )
    assert f"`herd import {own / 'my-gpt4all.bin'}` converts the first." in ran.err


def other_model(own: Path) -> str:
    (own / "other.bin").write_bytes(GPT_J)
    return str(own / "other.bin")


def test_an_address_that_may_be_an_old_file_is_said_to_be_one_perhaps(herd: Caller) -> None:
    out = herd("install", "--dry-run", "https://example.org/ggml-thing.bin").out

    assert "convert  to GGUF, should it be a ggml file" in out


def test_scripts_are_told_what_the_conversion_takes(herd: Caller, own: Path) -> None:
    path = own / "old-thing.bin"

    ran = herd("install", "--json", "--dry-run", str(path))

    plan = json.loads(ran.out)
    assert plan["bytes_to_fetch"] == 0
    assert plan["bytes_of_disk"] >= path.stat().st_size
    assert 0 < plan["seconds_to_convert"] < 1


# Prompts


def rendered(name: str, *texts: str) -> str:
    roles = (Role.USER, Role.ASSISTANT)
    turns = [Turn(roles[at % 2], text) for at, text in enumerate(texts)]
    return Template(PROMPTS[name].template, Special()).render(turns)


def test_the_alpaca_prompt_is_the_one_that_the_shipped_registry_has() -> None:
    alpaca = next(model for model in shipped().models if model.name == "alpaca-7b")

    assert rendered("alpaca", "Hum.", "Mm.", "Why?") == Template(
        alpaca.template or "", Special()
    ).render([Turn(Role.USER, "Hum."), Turn(Role.ASSISTANT, "Mm."), Turn(Role.USER, "Why?")])
    assert alpaca.stop == PROMPTS["alpaca"].stop


def test_prompts_read_as_those_who_made_them_wrote_them() -> None:
    assert rendered("alpaca", "Hum.").endswith("\n\n### Instruction:\n\nHum.\n\n### Response:\n\n")
    assert rendered("vicuna", "Hum.", "Mm.", "Why?").endswith(
        "questions. USER: Hum. ASSISTANT: Mm.</s> USER: Why? ASSISTANT:"
    )
    assert rendered("plain", "Once upon a time").strip() == "Once upon a time"


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("ggml-Alpaca-13b-q4.bin", "alpaca"),
        ("gpt4all-lora-quantized.bin", "alpaca"),
        ("ggml-vicuna-7b-1.1-q4_0.bin", "vicuna"),
        ("ggml-model-q4_0.bin", None),
    ],
)
def test_names_give_prompts_away(name: str, prompt: str | None) -> None:
    found = guessed(name)

    assert (found.name if found else None) == prompt
