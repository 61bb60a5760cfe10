"""`herd ps` and `herd stop`, over a real engine with a tiny model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from herd.engine import Engine, Loadable, Settings
from herd.places import places
from tests.cli.calling import Caller
from tests.tools import tiny_gguf
from tests.tools.wait import until


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    where = places({"HERD_HOME": str(tmp_path)})
    engine = Engine(where.engine_log, settings=Settings(running=str(where.running)))
    yield engine
    engine.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Loadable:
    return Loadable("tiny:q4_0", tiny_gguf.write(tmp_path / "tiny.gguf"))


def test_nothing_is_loaded(herd: Caller) -> None:
    ran = herd("ps")

    assert (ran.code, ran.out, ran.err) == (0, "", "No model is loaded.\n")
    assert herd.json("ps") == []


def test_a_model_of_another_herd_is_shown(herd: Caller, engine: Engine, tiny: Loadable) -> None:
    engine.ensure(tiny)
    until(lambda: herd.json("ps") != [])

    (shown,) = herd.json("ps")
    lines = herd("ps").out.splitlines()

    assert (shown["reference"], shown["device"], shown["layers"]) == ("tiny:q4_0", "CPU", 2)
    assert shown["memory"] > 1_000_000
    assert lines[0].split() == ["NAME", "MEMORY", "CONTEXT", "ON", "DOES", "USED", "FOR"]
    assert lines[1].startswith("tiny:q4_0")
    assert "4,096" in lines[1]


def test_how_it_was_loaded_and_why_is_said(herd: Caller, engine: Engine, tiny: Loadable) -> None:
    engine.ensure(tiny)
    until(lambda: herd.json("ps") != [])

    out = herd("ps", "--why").out

    assert "tiny:q4_0: fits" in out
    assert "context 4,096: all that it was trained on" in out
    assert "on the CPU: " in out
    assert "keys and values in f16" in out


@pytest.mark.parametrize("name", ["tiny", "tiny:q4_0", "tiny@q4_0"])
def test_a_model_is_let_go(herd: Caller, engine: Engine, tiny: Loadable, name: str) -> None:
    engine.ensure(tiny)
    until(lambda: herd.json("ps") != [])

    ran = herd("stop", name)

    assert ran.code == 0
    assert ran.err.startswith("tiny:q4_0 was let go: ")
    until(lambda: engine.loaded is None)
    assert engine.ensure(tiny).reference == "tiny:q4_0"


def test_what_is_not_loaded_cannot_be_let_go(herd: Caller) -> None:
    ran = herd("stop", "tiny")

    assert ran.code == 3
    assert "tiny is not loaded" in ran.err
    assert "herd ps" in ran.err
