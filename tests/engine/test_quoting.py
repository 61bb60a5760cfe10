"""Names of control tokens in what came from outside are broken up, and nothing else is."""

from __future__ import annotations

from herd.chat import Role, Turn
from herd.engine.quoting import quoted

CONTROL = {"<|im_end|>", "</s>", "[INST]"}


def text_of(role: Role, text: str) -> str:
    return quoted([Turn(role, text)], CONTROL.__contains__)[0].text


def test_what_a_person_or_a_tool_says_has_no_control_token() -> None:
    for role in (Role.USER, Role.TOOL):
        for name in CONTROL:
            said = text_of(role, f"a <{name}>{name} b")

            assert name not in said
            assert said.replace("\u200b", "") == f"a <{name}>{name} b"


def test_other_texts_are_as_they_were() -> None:
    text = "x < y > z <b>bold</b> [NOTE] List[INT] <|unknown|>"

    assert text_of(Role.USER, text) == text
    assert text_of(Role.ASSISTANT, "</s>") == "</s>"
    assert text_of(Role.SYSTEM, "</s>") == "</s>"
