"""`herd export` and `herd import DIR`: from one home to another over a stick."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import Caller
from tests.foreign.layouts import gguf, write


@pytest.fixture
def stick(tmp_path: Path, herd: Caller) -> Path:
    path = write(tmp_path / "mine.Q8_0.gguf", gguf(9, size=90_000))
    assert herd("import", str(path), "--copy").code == 0
    ran = herd("export", "mine", str(tmp_path / "stick"))
    assert (ran.code, ran.out.strip()) == (0, str(tmp_path / "stick" / "mine-q8_0"))
    return tmp_path / "stick"


def test_a_bundle_goes_from_one_home_to_another(herd: Caller, stick: Path) -> None:
    assert herd("remove", "mine", "-y").code == 0

    assert "mine:q8_0" in herd("import", str(stick), "--dry-run").out
    ran = herd("import", str(stick))

    assert ran.code == 0
    assert "Imported mine:q8_0 from a bundle" in ran.err
    assert herd("verify", "--all").code == 0
    assert "is installed already" in herd("import", str(stick / "mine-q8_0")).err


def test_a_torn_bundle_is_completed_from_another(herd: Caller, stick: Path, tmp_path: Path) -> None:
    good = tmp_path / "good" / "mine.Q8_0.gguf"
    write(good, (stick / "mine-q8_0" / "mine.Q8_0.gguf").read_bytes())
    write(stick / "mine-q8_0" / "mine.Q8_0.gguf", good.read_bytes()[:-10])
    herd("remove", "mine", "-y")

    torn = herd("import", str(stick), "--offline")
    assert torn.code == 4
    assert "The bundle is torn: 1 piece of mine.Q8_0.gguf is missing" in torn.err
    assert "--with PATH names" in torn.err
    ran = herd("import", str(stick), "--with", str(good.parent), "--offline")

    assert ran.code == 0
    assert "Completed mine.Q8_0.gguf: 1 piece from" in ran.err
    assert herd("verify").code == 0


def test_a_torn_bundle_does_not_keep_the_others_from_coming(
    herd: Caller, stick: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "other.Q8_0.gguf", gguf(5))
    herd("import", str(path), "--copy")
    herd("export", "other", str(stick))
    write(stick / "mine-q8_0" / "mine.Q8_0.gguf", b"torn")
    herd("remove", "-y", "mine", "other")

    ran = herd("import", str(stick), "--offline")

    assert ran.code == 4
    assert "The bundle is torn" in ran.err
    assert [each["reference"] for each in herd.json("list")] == ["other:q8_0"]


def test_a_bundle_that_is_refused_does_not_keep_the_others_from_coming(
    herd: Caller, stick: Path
) -> None:
    write(stick / "evil" / "herd.json", b"{")
    herd("remove", "-y", "mine")

    ran = herd("import", str(stick), "--offline")

    assert ran.code == 2
    assert "evil/herd.json is refused" in ran.err
    assert [each["reference"] for each in herd.json("list")] == ["mine:q8_0"]


def test_wrong_words_are_answered(herd: Caller, tmp_path: Path) -> None:
    assert herd("export", "nothing", str(tmp_path)).code == 3
    write(tmp_path / "evil" / "herd.json", b"{")
    assert herd("import", str(tmp_path / "evil")).code == 2
