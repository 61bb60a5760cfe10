"""A conversation as a file, prompts as files, and files in a question."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from herd.attachment import LARGEST, attached
from herd.chat import Conversation, Role, Stamp, Turn
from herd.errors import BadUsage
from herd.export import as_json, as_markdown, file_name
from herd.model import Sampling
from herd.prompts import Prompt, library


@pytest.fixture
def conversation() -> Conversation:
    stamp = Stamp(Sampling(seed=7), "ab" * 32)
    answer = Turn(Role.ASSISTANT, "To talk.", "tiny:f32", tokens=3, thought="Hm.", stamp=stamp)
    return Conversation(model="tiny").with_turn(Turn(Role.USER, "Why hum? é")).with_turn(answer)


def test_markdown_says_who_spoke(conversation: Conversation) -> None:
    text = as_markdown(conversation.with_system("Be brief."))

    assert text == (
        "# Why hum? é\n\n## System\n\nBe brief.\n\n## You\n\nWhy hum? é\n\n"
        "## tiny:f32\n\nTo talk.\n"
    )


def test_json_says_everything_and_nothing_empty(conversation: Conversation) -> None:
    said = json.loads(as_json(conversation))

    assert said["turns"][1]["stamp"] == {"sampling": {"seed": 7}, "digest": "ab" * 32}
    assert said["turns"][0] == {"role": "user", "text": "Why hum? é", "is_complete": True}
    assert "parent" not in said


def test_the_file_is_named_after_the_title(conversation: Conversation) -> None:
    assert file_name(conversation) == "why-hum-é.md"
    assert file_name(Conversation(title="../../etc"), ".json") == "etc.json"
    assert file_name(Conversation()) == "conversation.md"


def test_the_places_of_a_prompt_are_filled() -> None:
    prompt = Prompt("translate", "Into {{language}}: {{ text }} ({{language}})")

    assert prompt.places == ("language", "text")
    assert prompt.filled({"language": "French"}) == "Into French: {{ text }} (French)"


def test_a_file_of_the_person_replaces_a_prompt_of_herd(tmp_path: Path) -> None:
    (tmp_path / "summarise.txt").write_text("Say it shorter: {{text}}")
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "other.bin").write_text("no prompt")

    found = {prompt.name: prompt.text for prompt in library(tmp_path)}

    assert found["summarise"] == "Say it shorter: {{text}}"
    assert "translate" in found
    assert {"broken", "other"}.isdisjoint(found)


def test_an_attached_file_cannot_close_its_fence(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("one\n````\ntwo\n")

    assert attached(path) == "notes.md:\n\n`````\none\n````\ntwo\n`````\n"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a\x00b", b"a" * (LARGEST + 1)])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(BadUsage):
        attached(path)


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match=r"nothing\.txt cannot be read"):
        attached(tmp_path / "nothing.txt")


def test_a_pipe_is_refused_and_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BadUsage, match=r"pipe cannot be read"):
        attached(tmp_path / "pipe")
