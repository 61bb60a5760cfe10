"""Models that are taken over get a name: the registry's, the tool's, or the person's."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.adopt import Asked, name_of
from herd.errors import BadUsage
from herd.foreign import Found, FoundFile
from herd.store import Store
from tests.foreign.layouts import gguf, write
from tests.test_adopt import adopter, only, store, theirs

__all__ = ["store", "theirs"]


def test_a_name_that_is_taken_is_said_to_be(store: Store, theirs: Path) -> None:
    write(theirs / "a" / "m.gguf", gguf(1))
    write(theirs / "b" / "m.gguf", gguf(2))
    adopter(store).adopt(Asked(only(theirs / "a")))

    with pytest.raises(BadUsage, match="installed already"):
        adopter(store).adopt(Asked(only(theirs / "b")))
    named = adopter(store).adopt(Asked(only(theirs / "b"), name="second"))

    assert named.installed.name == "second"


@pytest.mark.parametrize(
    ("name", "variant", "said"),
    [
        ("llama3.2:3b", "3b", ("llama3.2", "3b")),
        ("hf.co/user/Some-Model-GGUF:Q4_K_M", "Q4_K_M", ("some-model-gguf", "q4_k_m")),
        ("user/repo/Qwen3-0.6B-Q8_0.gguf", None, ("qwen3-0.6b", "q8_0")),
        ("m-f16", None, ("m", "f16")),
        ("plain.gguf", None, ("plain", "file")),
        ("..%%..", None, ("", "file")),
    ],
)
def test_names_come_from_what_the_tool_says(
    name: str, variant: str | None, said: tuple[str, str]
) -> None:
    assert name_of(Found("x", name, (), variant)) == said


def test_a_name_that_cannot_be_made_is_asked_for(store: Store, theirs: Path) -> None:
    path = write(theirs / "m.gguf", gguf())
    found = Found("x", "../..", (FoundFile(path, "../../evil", path.stat().st_size),))

    with pytest.raises(BadUsage, match="No name"):
        adopter(store).adopt(Asked(found))
    installed = adopter(store).adopt(Asked(found, name="good")).installed

    assert installed.files[0].name == "file-1.gguf"


def test_what_a_header_says_is_made_fit_to_be_shown(store: Store, theirs: Path) -> None:
    texts = {"general.license": "\x1b[31mMIT\n", "general.size_label": "7B\u202e" + "x" * 2_000_000}
    path = write(theirs / "odd.gguf", gguf(1, 2000, **texts))

    installed = adopter(store).adopt(Asked(only(path))).installed

    assert installed.licence.id == "[31mMIT"
    assert installed.parameters
    assert installed.parameters.startswith("7Bx")
    assert len(installed.parameters) == 200
