"""`herd repair`: what it says, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

from tests.cli.calling import Caller
from tests.cli.test_verify import spoil
from tests.tools.fakes import GGUF


def test_a_sound_model_is_left_alone(herd: Caller) -> None:
    herd("install", "tiny")

    ran = herd("repair", "tiny", "--offline")

    assert ran.code == 0
    assert "Nothing is damaged; nothing was done." in ran.err


def test_damage_is_mended_from_a_file_and_the_file_proved(herd: Caller, tmp_path: Path) -> None:
    herd("install", "tiny")
    spoil(herd.home)
    copy = tmp_path / "copies" / "tiny.gguf"
    copy.parent.mkdir()
    copy.write_bytes(GGUF)

    foretold = herd("repair", "tiny", "--dry-run")
    assert foretold.code == 0
    assert "damaged in bytes" in foretold.out
    assert herd("verify").code == 5

    ran = herd("repair", "tiny", "--from", str(copy.parent), "--offline")

    assert ran.code == 0
    assert f"tiny.gguf: 1 piece, 4.1 kB, from {copy}; proved." in ran.err
    assert herd("verify").code == 0


def test_pieces_that_are_nowhere_are_exit_code_4(herd: Caller) -> None:
    herd("install", "tiny")
    spoil(herd.home)

    ran = herd("repair", "--all", "--offline")

    assert ran.code == 4
    assert "--from PATH" in ran.err


def test_wrong_words_are_answered(herd: Caller) -> None:
    assert herd("repair").code == 2
    assert herd("repair", "tiny", "--all").code == 2
    assert herd("repair", "nothing").code == 3
