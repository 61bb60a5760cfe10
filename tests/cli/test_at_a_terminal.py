"""What a person at a terminal sees and types: questions, the bar, the wait, the chat."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.fake_herd import COMMAND
from tests.tools.http_server import Faults, FileServer
from tests.tools.pseudo_terminal import CTRL_C, CTRL_D, Terminal
from tests.tools.swarm import noise

MARK = ">>> "


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "gate"


def at_terminal(environ: dict[str, str], *words: str, **more: str) -> Terminal:
    return Terminal([*COMMAND, *words], {**environ, **more})


def installed(environ: dict[str, str]) -> bool:
    return (Path(environ["HERD_HOME"]) / "manifests" / "tiny" / "q4_0.json").exists()


def install(environ: dict[str, str]) -> None:
    with at_terminal(environ, "install", "tiny") as terminal:
        assert terminal.ends() == 0


def test_the_next_thing_to_type_is_said_to_a_person(environ: dict[str, str]) -> None:
    with at_terminal(environ, "install", "tiny") as terminal:
        terminal.until("verified.")
        terminal.until("\x1b[1mherd run tiny\x1b[0m")
        assert terminal.ends() == 0


def test_no_color_leaves_the_words(environ: dict[str, str]) -> None:
    with at_terminal(environ, "remove", "nobody", NO_COLOR="1") as terminal:
        assert terminal.ends() == 3
        assert "\x1b" not in terminal.shown
        assert terminal.shown.startswith("herd: ")


def test_an_error_is_coloured_where_colours_are_shown(environ: dict[str, str]) -> None:
    with at_terminal(environ, "remove", "nobody") as terminal:
        terminal.until("\x1b[1;31mherd:\x1b[0m ")
        assert terminal.ends() == 3


def test_a_table_has_its_heads_in_bold_and_its_verdicts_in_colour(environ: dict[str, str]) -> None:
    install(environ)

    with at_terminal(environ, "list") as terminal:
        terminal.until("\x1b[1mNAME\x1b[0m")
        terminal.until("\x1b[32mfits")
        assert terminal.ends() == 0


def test_the_doctor_shows_colours_and_breaks_lines_between_words(environ: dict[str, str]) -> None:
    with at_terminal(environ, "doctor", "--offline") as terminal:
        terminal.until("\x1b[32mok\x1b[0m  herd ")
        terminal.ends()
    lines = terminal.shown.replace("\x1b[32m", "").replace("\x1b[0m", "").splitlines()
    assert not any(line.startswith("[") for line in lines)
    at = next(at for at, line in enumerate(lines) if line.startswith("ok  llama.cpp"))
    assert len(lines[at]) <= 100


def test_a_long_text_goes_on_under_itself(environ: dict[str, str]) -> None:
    with at_terminal(environ, "info", "alpaca-13b") as terminal:
        assert terminal.ends() == 0
    lines = terminal.shown.splitlines()
    assert max(len(line) for line in lines if "http" not in line) <= 100
    at = next(at for at, line in enumerate(lines) if "The larger Alpaca" in line)
    assert lines[at + 1].startswith(" " * 11)


def test_a_narrow_terminal_shows_how_fast_and_how_long_yet(environ: dict[str, str]) -> None:
    content = b"GGUF" + noise(8 << 20, seed=1)
    with FileServer(content) as server:
        server.faults = Faults(rate=100_000)  # of every connection
        words = ["install", "-y", server.url, "--as", "a-model-of-a-very-long-name"]
        with Terminal([sys.executable, "-m", "herd.cli", *words], environ, columns=80) as terminal:
            terminal.until(" s left")
            assert " kB/s · " in terminal.shown
            assert " of 8.4 MB · " in terminal.shown
            terminal.enter(CTRL_C)
            assert terminal.ends() == 130


def test_removing_asks_and_no_is_the_default(environ: dict[str, str]) -> None:
    install(environ)

    with at_terminal(environ, "remove", "tiny") as terminal:
        terminal.until("Remove tiny:q4_0? That frees 4.1 kB. [y/N] ")
        terminal.enter("\n")
        terminal.until("tiny:q4_0 stays.")
        assert terminal.ends() == 0
    assert installed(environ)

    with at_terminal(environ, "remove", "tiny") as terminal:
        terminal.until("[y/N] ")
        terminal.enter("perhaps\n")
        terminal.until("[y/N] ")
        terminal.enter("y\n")
        terminal.until("Removed tiny:q4_0: 4.1 kB freed.")
        assert terminal.ends() == 0
    assert not installed(environ)


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_leaving_a_question_changes_nothing(environ: dict[str, str], key: str) -> None:
    install(environ)

    with at_terminal(environ, "remove", "tiny") as terminal:
        terminal.until("[y/N] ")
        terminal.enter(key)
        assert terminal.ends() == 130
        assert "Traceback" not in terminal.shown
    assert installed(environ)


def test_a_bar_shows_how_far_a_fetch_is_and_goes_when_it_is_done(
    environ: dict[str, str], gate: Path
) -> None:
    with at_terminal(environ, "install", "tiny", FAKE_CARRIER_GATE=str(gate)) as terminal:
        terminal.until("tiny:q4_0")
        terminal.until(" 2.0 kB of 4.1 kB")
        gate.touch()
        terminal.until("Installed tiny:q4_0")
        assert terminal.ends() == 0


def test_ctrl_c_at_the_bar_stops_and_says_how_to_go_on(environ: dict[str, str], gate: Path) -> None:
    with at_terminal(environ, "install", "tiny", FAKE_CARRIER_GATE=str(gate)) as terminal:
        terminal.until("2.0 kB of 4.1 kB")
        terminal.enter(CTRL_C)
        terminal.until("Stopped tiny:q4_0 at 2.0 kB of 4.1 kB.")
        terminal.until("The same command goes on there.")
        assert terminal.ends() == 130
    assert not installed(environ)


def test_the_plan_of_a_dry_run_needs_nobody(environ: dict[str, str]) -> None:
    with at_terminal(environ, "install", "--dry-run", "tiny") as terminal:
        terminal.until("tiny:q4_0  Tiny the test model")
        assert terminal.ends() == 0


def test_run_asks_before_it_fetches_and_then_answers(environ: dict[str, str]) -> None:
    with at_terminal(environ, "run", "tiny", "hum?") as terminal:
        terminal.until("Install tiny:q4_0? [Y/n] ")
        terminal.enter("\n")
        terminal.until("tiny:q4_0 says: hum?")
        assert terminal.ends() == 0


def test_a_wait_is_shown_on_stderr_until_the_first_word(environ: dict[str, str]) -> None:
    install(environ)
    late = [sys.executable, "-c", LATE, "run", "tiny", "hum?"]

    with Terminal(late, environ) as terminal:
        terminal.until("| loading tiny:q4_0 …")
        terminal.until("/ loading tiny:q4_0 …")
        before = terminal.until("tiny:q4_0 says: hum?")
        assert before.endswith("\r\x1b[K")
        assert terminal.ends() == 0


LATE = """\
import sys, threading
from herd import cli
from tests.cli import fake_herd

herd = fake_herd.make()
engine, wait = herd.engine, threading.Event()
ensure = engine.ensure
engine.ensure = lambda *given: (wait.wait(1.6), ensure(*given))[1]
sys.exit(cli.main(sys.argv[1:], lambda: herd))
"""


def test_ctrl_c_ends_an_answer_and_what_was_said_stays(environ: dict[str, str], gate: Path) -> None:
    install(environ)

    with at_terminal(environ, "run", "tiny", "hum?", FAKE_ENGINE_GATE=str(gate)) as terminal:
        terminal.until("tiny:q4_0")
        terminal.enter(CTRL_C)
        terminal.until("Stopped.")
        assert terminal.ends() == 130
        assert terminal.shown.count("Stopped.") == 1
        assert "Traceback" not in terminal.shown
        assert "says" not in terminal.shown


class Chat:
    """A chat with tiny under way."""

    def __init__(self, environ: dict[str, str], *words: str, **more: str) -> None:
        install(environ)
        self.terminal = at_terminal(environ, "run", "tiny", *words, **more)

    def __enter__(self) -> Terminal:
        self.terminal.__enter__()
        self.terminal.until("/help")
        self.terminal.until(MARK)
        return self.terminal

    def __exit__(self, *_: object) -> None:
        self.terminal.__exit__(None, None, None)


def says(terminal: Terminal, line: str, answers: Sequence[str]) -> None:
    terminal.enter(f"{line}\n")
    for answer in answers:
        terminal.until(answer)
    terminal.until(MARK)


def test_a_chat_goes_from_question_to_question_until_ctrl_d(environ: dict[str, str]) -> None:
    with Chat(environ) as terminal:
        says(terminal, "hum?", ["tiny:q4_0 says: hum?"])
        says(terminal, "and you?", ["tiny:q4_0 says: and you?"])
        terminal.enter(CTRL_D)
        assert terminal.ends() == 0


@pytest.mark.parametrize("word", ["/bye", "/exit", "/quit"])
def test_a_word_leaves_too(environ: dict[str, str], word: str) -> None:
    with Chat(environ) as terminal:
        terminal.enter(f"{word}\n")
        assert terminal.ends() == 0


def test_a_line_is_edited_before_it_is_sent(environ: dict[str, str]) -> None:
    with Chat(environ) as terminal:
        says(terminal, "why\x01oh \x05?", ["tiny:q4_0 says: oh why?"])
        says(terminal, "\x10", ["tiny:q4_0 says: oh why?"])


def test_tab_completes_commands_and_models(environ: dict[str, str]) -> None:
    with Chat(environ) as terminal:
        terminal.enter("/mo\ttiny:\t\n")
        terminal.until("/model tiny:q4_0")
        terminal.until("tiny:q4_0 answers from now on.")


def test_ctrl_c_stops_the_answer_and_not_the_chat(environ: dict[str, str], gate: Path) -> None:
    with Chat(environ, FAKE_ENGINE_GATE=str(gate)) as terminal:
        terminal.enter("one two three\n")
        terminal.until("tiny:q4_0")
        terminal.enter(CTRL_C)
        terminal.until("(Stopped.)")
        terminal.until(MARK)
        gate.touch()
        says(terminal, "again?", ["tiny:q4_0 says: again?"])


def test_ctrl_c_at_the_prompt_says_how_to_leave(environ: dict[str, str]) -> None:
    with Chat(environ) as terminal:
        terminal.enter("half a li" + CTRL_C)
        terminal.until("Ctrl-D leaves.")
        terminal.until(MARK)
        says(terminal, "hum?", ["tiny:q4_0 says: hum?"])


def test_the_model_is_switched_and_the_conversation_goes_on(environ: dict[str, str]) -> None:
    with Chat(environ) as terminal:
        says(terminal, "/model nobody", ["No registry offers nobody."])
        says(terminal, "/model", ["tiny:q4_0 answers; installed: tiny:q4_0"])
        says(terminal, "/model tiny", ["tiny:q4_0 answers from now on."])
        says(terminal, "hum?", ["tiny:q4_0 says: hum?"])


def test_commands_are_listed_and_unknown_ones_are_not_sent(environ: dict[str, str]) -> None:
    with Chat(environ) as terminal:
        says(terminal, "/help", ["/model NAME", "/system TEXT", "/new", "/bye"])
        says(terminal, "/frob", ["There is no /frob; /help lists what there is."])
        says(terminal, "/etc/passwd is what?", ["says: /etc/passwd is what?"])
        says(terminal, "", [])


def test_a_line_that_ends_in_a_backslash_goes_on(environ: dict[str, str]) -> None:
    with Chat(environ) as terminal:
        terminal.enter("one\\\n")
        terminal.until("... ")
        says(terminal, "two", ["tiny:q4_0 says: one", "two"])
