"""The whole journey with nothing faked: a real file, a real engine in its own process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from herd.chat import Turn
from herd.core import Herd
from herd.places import places
from herd_tui.app import HerdApp
from tests.tools.tiny_gguf import Tiny, write
from tests.tools.wait import until
from tests.tui.hand import Hand

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return (
        write(folder / "bleater.gguf", Tiny(seed=1)),
        write(folder / "hummer.gguf", Tiny(seed=2)),
    )


async def test_filter_install_chat_switch_and_leave(
    tmp_path: Path, models: tuple[Path, Path]
) -> None:
    herd = Herd(places({"HERD_HOME": str(tmp_path / "home")}))
    app = HerdApp(herd)
    hand = Hand(app, tmp_path)
    async with app.run_test(size=(100, 30), message_hook=hand.messages.append) as pilot:
        hand.pilot = pilot
        await hand.settle()
        for path in models:
            await hand.command("library.clear")
            await hand.write(str(path))
            await hand.press("enter")
            await hand.until(
                lambda path=path: any(  # type: ignore[misc]  # mypy cannot infer it
                    each.name == path.stem for each in herd.store.installed()
                )
            )
        await hand.command("library.clear")
        await hand.write("bleater")
        await hand.until(lambda: app.library.check_action("chat", ()) is True)
        await hand.press("enter")
        await hand.say("Why do llamas hum?")
        await hand.until(lambda: app.chat.talk is not None and bool(app.chat.talk.answer.text))
        await hand.command("chat.stop")
        await hand.until(lambda: app.chat.talk is None)
        await hand.command("chat.switch")
        await hand.write("hummer")
        await hand.press("enter")
        await hand.say("And what do you think?")
        await hand.until(lambda: app.chat.talk is not None and bool(app.chat.talk.answer.text))
        await hand.command("chat.stop")
        await hand.until(lambda: app.chat.talk is None)

        models_of_turns = [turn.model for turn in app.chat.conversation.turns]
        assert models_of_turns == [None, "bleater:file", None, "hummer:file"]
        assert herd.states
        assert herd.states[0].reference == "hummer:file"
        await hand.command("app.leave")
    herd.close()


class Terminal:
    """A tmux of its own with the app in it."""

    def __init__(self, home: Path, socket: Path, command: str) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        # HERD_HOME and the path in env: a tmux server keeps the environment it began with.
        path = os.pathsep.join([str(ROOT), str(ROOT / "tui")])
        herd = f"{sys.executable} -m herd {command}"
        run = f"env -u COLUMNS -u LINES HERD_HOME={home} PYTHONPATH={path} {herd}"
        start = ["new-session", "-d", "-x", "100", "-y", "30", f"{run}; echo left: $?; read x"]
        self._call(*start)

    def press(self, *keys: str) -> None:
        self._call("send-keys", *keys)

    def write(self, text: str) -> None:
        self._call("send-keys", "-l", text)

    @property
    def screen(self) -> str:
        return self._call("capture-pane", "-p")

    def sees(self, text: str, *, times: int = 1) -> None:
        self.until(lambda: self.screen.count(text) >= times)

    def until(self, holds: Callable[[], bool]) -> None:
        try:
            until(holds, PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{self.screen}") from None

    def pid(self) -> int:
        """The process of the app."""
        shell = psutil.Process(int(self._call("list-panes", "-F", "#{pane_pid}").strip()))
        family = [shell, *shell.children(recursive=True)]
        return next(each.pid for each in family if "herd" in each.cmdline()[1:3])

    def close(self) -> None:
        self._call("kill-server")

    def _call(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=True)
        return done.stdout


Openings = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Openings]:
    if not shutil.which("tmux") and "HERD_CI" not in os.environ:
        pytest.skip("tmux is not installed")
    begun: list[Terminal] = []

    def begin(command: str = "") -> Terminal:
        begun.append(Terminal(tmp_path / "home", tmp_path / f"tmux{len(begun)}", command))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


def installed(terminal: Openings, model: Path) -> Terminal:
    """The app, after a model was installed in it by its path."""
    app = terminal()
    app.sees("type to filter")
    app.write(str(model))
    app.press("Enter")
    app.sees("bleater:file is installed")
    return app


def test_in_a_real_terminal_one_gets_a_model_and_an_answer(
    terminal: Openings, models: tuple[Path, Path]
) -> None:
    app = installed(terminal, models[0])
    app.press("Escape")
    app.sees("smollm2-135m")
    app.write("bleater")
    app.sees("● bleater")
    app.sees("⏎ Chat")
    app.press("Enter")
    app.sees("Ask something below")
    app.write("Why do llamas hum?")
    app.press("Enter")
    app.sees("writes")
    app.press("Escape")
    app.sees("f10 Go on")  # a long answer has its heading, "not finished", above the screen
    app.press("C-q")
    app.sees("left: 0")


def test_a_killed_app_leaves_the_conversation_and_no_child(
    terminal: Openings, models: tuple[Path, Path]
) -> None:
    app = installed(terminal, models[0])
    app.press("F3")
    app.sees("Ask something below")
    app.write("Say much.")
    app.press("Enter")
    app.sees("writes")
    herd = psutil.Process(app.pid())
    children = herd.children(recursive=True)
    app.until(lambda: kept_words(models[0].parent.parent / "home") > 0)
    herd.kill()
    app.sees("left: 137")

    assert children
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert alive == []
    again = terminal()
    again.sees("type to filter")
    again.press("F3")
    again.press("C-b")  # the list: a long answer leaves no room for its question
    again.sees("Say much.")
    kept = kept_answer(models[0].parent.parent / "home")
    again.press("C-q")
    again.sees("left: 0")
    assert kept
    assert not kept.is_complete


def kept_words(home: Path) -> int:
    """Words of the answer that history has by now."""
    answer = kept_answer(home)
    return len(answer.text.split()) if answer else 0


def kept_answer(home: Path) -> Turn | None:
    """The answer, as far as history has it by now."""
    herd = Herd(places({"HERD_HOME": str(home)}))
    try:
        summaries = herd.history.all()
        found = herd.history.find(summaries[0].id) if summaries else None
        return found.turns[-1] if found and len(found.turns) > 1 else None
    finally:
        herd.history.close()
