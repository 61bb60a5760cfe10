"""What a person sees of the verbs that keep the store, and where they can stop."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from herd.cli import task
from herd.cli.session import Session
from herd.errors import BadUsage, Interrupted
from herd.progress import Gauge
from tests.cli.test_at_a_terminal import at_terminal, install
from tests.foreign.layouts import gguf, write


def test_prune_asks_and_no_is_the_default(environ: dict[str, str]) -> None:
    part = write(Path(environ["HERD_HOME"]) / "staging" / f"{'b' * 64}.part", bytes(5000))

    with at_terminal(environ, "prune") as terminal:
        terminal.until("Take all of it away?")
        terminal.enter("\n")
        terminal.until("Nothing was taken away")
        assert terminal.ends() == 0
    assert part.exists()

    with at_terminal(environ, "prune") as terminal:
        terminal.until("[y/N]")
        terminal.enter("y\n")
        terminal.until("freed.")
        assert terminal.ends() == 0
    assert not part.exists()


def test_a_scan_asks_before_it_imports(environ: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "other"
    write(home / ".lmstudio" / "models" / "u" / "r" / "mynah-q4_0.gguf", gguf())
    theirs = {"HOME": str(home), "OLLAMA_MODELS": str(home / "none")}

    with at_terminal(environ, "import", "--from", "lmstudio", **theirs) as terminal:
        terminal.until("u/r/mynah-q4_0.gguf")
        terminal.until("Import 1 model? [y/N]")
        terminal.enter("y\n")
        terminal.until("hard link, no byte copied")
        assert terminal.ends() == 0


def test_moving_the_store_asks(environ: dict[str, str], tmp_path: Path) -> None:
    install(environ)

    with at_terminal(environ, "move-store", str(tmp_path / "drive")) as terminal:
        terminal.until("Move 1 model, 4.1 kB, from")
        terminal.enter("n\n")
        terminal.until("Nothing was moved.")
        assert terminal.ends() == 0
    assert not (tmp_path / "drive").exists()


def test_bars_of_df_are_drawn(environ: dict[str, str]) -> None:
    install(environ)

    with at_terminal(environ, "df", PYTHONIOENCODING="utf-8") as terminal:
        terminal.until("████")
        assert terminal.ends() == 0


def test_what_the_work_gives_or_raises_comes_out() -> None:
    def refuse() -> None:
        raise BadUsage("It cannot be done.")

    session, gauge, stop = Session(), Gauge(), threading.Event()

    assert task.done(session, "work", gauge, stop, lambda: 7) == 7
    with pytest.raises(BadUsage):
        task.done(session, "work", gauge, stop, refuse)


def test_ctrl_c_stops_the_work_and_waits_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, is_clean = threading.Event(), threading.Event()

    def work() -> None:
        assert stop.wait(20)
        is_clean.set()
        raise Interrupted("It was stopped.")

    class Pressed(Gauge):
        def read(self) -> object:  # type: ignore[override]  # the key is pressed at this moment
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        task.done(Session(), "work", Pressed(), stop, work)
    assert is_clean.is_set()
