"""A converted file that is damaged is made again of what it was made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from herd import convert
from herd.model import Installed
from tests.cli.calling import Caller, Ran
from tests.tools.fakes import digest

from .given import given
from .test_own_files import REGISTRY

URL = "https://models.example.org/known.bin"
CONTENT = given("ggml0-q4_0").read_bytes()


@pytest.fixture
def herd(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Caller:
    """One whose registry has an old model."""
    caller = Caller(tmp_path / "home", capsys)
    caller.carrier.contents[URL] = CONTENT
    text = REGISTRY.format(size=len(CONTENT), sha256=digest(CONTENT), url=URL)
    caller.offer(text, "mine")
    return caller


def installed(herd: Caller) -> Installed:
    (one,) = herd.make().store.installed()
    return one


def damage(herd: Caller) -> None:
    blob = herd.make().store.blob(installed(herd).files[0].sha256)
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.seek(100_000)
        file.write(bytes(8))


def repaired(herd: Caller, *words: str) -> Ran:
    """Damage what is installed, and repair it."""
    before = installed(herd)
    damage(herd)
    assert herd("verify").code == 5
    ran = herd("repair", *words, "known")
    if ran.code == 0:
        assert herd("verify").code == 0
        assert installed(herd) == before
        assert not [*(herd.home / "staging").iterdir()]
    return ran


def test_the_original_comes_again_and_gives_the_same_file(herd: Caller) -> None:
    assert herd("install", "--accept-licence", "known").code == 0

    assert repaired(herd).code == 0

    assert herd.carrier.asked == [URL, URL]


def test_an_original_that_was_kept_needs_no_source(herd: Caller) -> None:
    assert herd("install", "--accept-licence", "--keep-original", "known").code == 0

    assert repaired(herd, "--offline").code == 0

    assert herd.carrier.asked == [URL]


def test_a_file_of_ones_own_may_be_shown_again(herd: Caller, tmp_path: Path) -> None:
    path = tmp_path / "thing.bin"
    path.write_bytes(CONTENT)
    assert herd("install", "--accept-licence", str(path)).code == 0
    herd.carrier.contents.clear()

    assert repaired(herd, "--offline").code == 4
    assert repaired(herd, "--offline", "--from", str(path)).code == 0

    assert path.read_bytes() == CONTENT


def test_another_converter_is_said_to_make_another_file(
    herd: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert herd("install", "--accept-licence", "known").code == 0
    facts = convert.facts
    monkeypatch.setattr(
        convert, "facts", lambda choice, called: replace(facts(choice, called), context=9)
    )

    ran = repaired(herd)

    assert ran.code == 4
    assert "makes another file of known.bin than known.gguf" in ran.err
    assert "`herd remove known` and then `herd install known`" in ran.err
