"""A connection that costs by the byte."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from herd import metered
from herd.core import Herd
from herd.jobs import Jobs, State
from herd.rules import Rules
from tests.test_jobs import order
from tests.tools.fakes import FakeCarrier, herd_at
from tests.tools.wait import until


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    url = "https://models.example.org/one.gguf"
    carrier = FakeCarrier({url: b"GGUFone"}, {url: threading.Event()})
    herd = herd_at(tmp_path / "home", carrier)
    yield herd
    herd.close()


def test_nothing_runs_on_a_metered_connection(herd: Herd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERD_METERED", "1")
    jobs = Jobs(herd.installer.install, herd.downloads, Rules())
    job = jobs.start(order("one"))
    assert job.state is State.WAITING
    assert "metered" in job.progress().note
    jobs.close()
    assert job.is_over


def test_a_slow_answer_about_the_connection_holds_nobody_up(
    herd: Herd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = tmp_path / "asked", tmp_path / "go on"
    (tmp_path / "bin").mkdir()
    busctl = tmp_path / "bin" / "busctl"
    busctl.write_text(f"#!/bin/sh\n: > '{asked}'\nread line < '{go_on}'\necho u 2\n")
    busctl.chmod(0o755)
    os.mkfifo(go_on)
    monkeypatch.delenv("HERD_METERED", raising=False)
    monkeypatch.setenv("PATH", str(busctl.parent), prepend=":")
    monkeypatch.setattr(metered, "_PATIENCE", 60.0)
    jobs = Jobs(herd.installer.install, None, Rules())
    starting = threading.Thread(target=jobs.start, args=(order("one"),))
    starting.start()
    until(asked.exists)
    with jobs.while_chatting():  # as whoever looks at the jobs or changes them
        assert jobs.all() == ()
        assert starting.is_alive(), "it waits for the answer"
    go_on.write_text("\n")
    starting.join()
    assert [job.name for job in jobs.all()] == ["one:q4_0"]
    jobs.close()
