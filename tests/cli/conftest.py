"""A caller, and the environment of a child that is the same command over the same fakes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from herd.config import ENVIRONMENT
from tests.cli.calling import URL, Caller
from tests.tools.fakes import registry_text


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*ENVIRONMENT.values(), "NO_COLOR", "_HERD_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HERD_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def herd(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Caller:
    return Caller(tmp_path, capsys)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Of a child whose home offers the model tiny."""
    folder = tmp_path / "home" / "registries"
    folder.mkdir(parents=True)
    (folder / "test.yaml").write_text(registry_text(URL))
    return {**os.environ, "HERD_HOME": str(tmp_path / "home")}
