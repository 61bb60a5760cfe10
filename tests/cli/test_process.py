"""What only a real process shows: pipes, signals, encodings, and what it loads."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from herd.downloads import Download, Downloads, Wanted
from tests.cli.fake_herd import COMMAND
from tests.tools.fakes import registry_text
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import noise
from tests.tools.wait import until

ROOT = Path(__file__).parents[2]
HERD = (sys.executable, "-m", "herd.cli")
HEAVY = {"textual", "libtorrent", "llama_cpp", "numpy", "requests", "rich", "yaml", "psutil"}
SLOW = {
    "asyncio",
    "concurrent.futures",
    "email",
    "logging",
    "socket",
    "ssl",
    "subprocess",
    "tomllib",
}
"""From the standard library: each costs milliseconds that a list does not need."""


def run(
    words: Sequence[str], environ: dict[str, str], command: Sequence[str] = HERD
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *words],
        env=environ,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def in_shell(text: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A line of shell in which HERD stands for the command over fakes."""
    line = text.replace("HERD", shlex.join(COMMAND))
    return run(["-o", "pipefail", "-c", line], environ, ["bash"])


def loaded(code: str, environ: dict[str, str]) -> set[str]:
    """The heavy modules that are there after some code."""
    code += "\nimport sys, json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = run(["-c", code], environ, [sys.executable])
    return (HEAVY | SLOW) & set(json.loads(done.stderr.splitlines()[-1]))


def test_importing_the_command_line_loads_nothing_heavy(environ: dict[str, str]) -> None:
    assert loaded("import herd.cli", environ) == set()


@pytest.mark.parametrize("words", [["list"], ["--help"], ["--version"], ["list", "--json"]])
def test_looking_at_what_is_there_loads_nothing_heavy(
    environ: dict[str, str], words: list[str]
) -> None:
    run(["install", "tiny"], environ, COMMAND)

    assert loaded(f"from herd.cli import main; assert main({words!r}) == 0", environ) == set()


def test_searching_the_registry_loads_yaml_alone(environ: dict[str, str]) -> None:
    assert HEAVY & loaded("from herd.cli import main; main(['search'])", environ) == {"yaml"}


def test_a_reader_that_goes_away_is_no_error(environ: dict[str, str]) -> None:
    done = in_shell("HERD search | head -1", environ)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("NAME")


def test_a_reader_that_leaves_in_the_middle_of_an_answer_is_no_error(
    environ: dict[str, str],
) -> None:
    words = " ".join(["hum"] * 20_000)

    done = in_shell(f"HERD run -q -y tiny '{words}' | head -c 20", environ)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "tiny:q4_0 says: hum "


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_an_answer_that_cannot_be_written_is_an_error(environ: dict[str, str]) -> None:
    done = in_shell("HERD search > /dev/full", environ)

    assert done.returncode == 6
    assert done.stderr == "herd: The output cannot be written: No space left on device.\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed_are_no_error(environ: dict[str, str], closed: str) -> None:
    assert in_shell(f"HERD list {closed}", environ).returncode == 0
    assert in_shell(f"HERD run -y tiny hum? {closed}", environ).returncode == 0


def test_an_answer_reads_in_a_locale_that_lacks_its_letters(environ: dict[str, str]) -> None:
    done = run(
        ["run", "-y", "tiny", "h\N{LATIN SMALL LETTER U WITH DIAERESIS}m?"],
        {**environ, "PYTHONIOENCODING": "ascii"},
        COMMAND,
    )

    assert (done.returncode, done.stdout) == (0, "tiny:q4_0 says: h?m?\n")


def test_json_is_ascii_in_every_locale(environ: dict[str, str]) -> None:
    for encoding in ("ascii", "utf-8", "utf-16"):
        done = subprocess.run(
            [*HERD, "info", "tiny", "--json"],
            env={**environ, "PYTHONIOENCODING": encoding},
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        assert json.loads(done.stdout.decode(encoding))["offered"]["name"] == "tiny"


def test_what_is_piped_through_is_the_answer_alone(environ: dict[str, str]) -> None:
    done = in_shell("echo 'The hay is in.' | HERD run -y tiny summarise: | cat", environ)

    assert done.returncode == 0
    assert done.stdout == "tiny:q4_0 says: summarise:\n\nThe hay is in.\n"
    assert "Installed tiny:q4_0" in done.stderr


def test_ctrl_c_while_fetching_is_130_and_the_same_command_goes_on(
    environ: dict[str, str],
) -> None:
    with offered(environ) as server:
        server.faults = Faults(stall_after=1 << 20)  # of every connection: they cannot finish it
        begun = start(["install", "tiny"], environ)
        until(lambda: any(each.done for each in listed(environ)), 60)
        err = interrupted(begun)

        assert "Stopped tiny:q4_0" in err
        assert "The same command goes on there." in err
        assert "Traceback" not in err
        assert staged(environ) > 0
        server.faults = Faults()
        before = server.bytes_sent
        assert run(["install", "tiny"], environ).returncode == 0
        assert server.bytes_sent - before < len(server.content)


def test_ctrl_c_before_anything_came_promises_nothing(environ: dict[str, str]) -> None:
    with offered(environ) as server:
        server.faults = Faults(stalls_before_head=True)
        begun = start(["install", "tiny"], environ)
        until(lambda: bool(server.requests), 60)
        err = interrupted(begun)

    said = "herd: Stopped tiny:q4_0.\nNothing has come yet; the same command begins anew.\n"
    assert err.endswith(said)


def test_all_that_is_asked_for_is_queued_at_once_and_obeys_before_its_turn(
    environ: dict[str, str],
) -> None:
    environ = environ | {"HERD_DOWNLOADS_AT_ONCE": "1"}
    with offered(environ) as server:
        for name in ("second", "third"):
            text = registry_text(server.url, name.encode(), name)
            registry = Path(environ["HERD_HOME"]) / "registries" / f"{name}.yaml"
            registry.write_text(text.replace("name: test}", f"name: {name}}}"))
        server.faults = Faults(stall_after=1 << 20)
        begun = start(["install", "tiny", "second", "third"], environ)
        until(lambda: any(each.done for each in listed(environ)), 60)
        order = [each.name for each in listed(environ)]
        for wish in (["cancel", "second"], ["first", "third"], ["limit", "third", "5k"]):
            assert run(["downloads", *wish], environ).returncode == 0
        until(lambda: len(listed(environ)) == 2, 60)
        err = interrupted(begun)

    assert order == ["tiny:q4_0", "second:q4_0", "third:q4_0"]
    assert "second:q4_0: waiting · others come first" in err
    assert "Stopped tiny:q4_0 at " in err
    assert " of 33.6 MB, third:q4_0.\nThe same command goes on there." in err
    left = {each.name: (each.is_owned, each.wanted, each.limit) for each in listed(environ)}
    assert list(left) == ["third:q4_0", "tiny:q4_0"]
    assert left["third:q4_0"] == (False, Wanted.PAUSE, 5000)


@contextmanager
def offered(environ: dict[str, str]) -> Iterator[FileServer]:
    """The server of `tiny`, which a registry has."""
    with FileServer(b"GGUF" + noise(32 << 20, seed=1)) as server:
        registry = Path(environ["HERD_HOME"]) / "registries" / "test.yaml"
        registry.write_text(registry_text(server.url, server.content))
        yield server


def interrupted(begun: subprocess.Popen[str]) -> str:
    """What a command says that Ctrl-C ends."""
    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=60)
    assert begun.returncode == 130
    return err


def listed(environ: dict[str, str]) -> tuple[Download, ...]:
    return Downloads(Path(environ["HERD_HOME"]) / "downloads.db").all()


def test_a_second_herd_waits_for_the_first_and_shows_how_far_it_is(
    environ: dict[str, str],
) -> None:
    with offered(environ) as server:
        server.faults = Faults(rate=400_000)  # of every connection: slow enough to be watched
        first = start(["install", "tiny"], environ)
        until(lambda: staged(environ) > 0, 60)
        second = start(["install", "tiny", "--json"], environ)
        assert second.stdout
        lines = map(json.loads, second.stdout)
        waits = (line for line in lines if line["event"] == "progress")
        seen = next(each for each in waits if each["stage"] == "waiting" and each["done"])
        later = next(each for each in waits if each["done"] > seen["done"])
        server.faults = Faults()
        _, said = first.communicate(timeout=60)
        _, err = second.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (0, 0)
    assert err == "tiny:q4_0 came by another herd meanwhile: 33.6 MB, verified.\n"
    assert seen["note"] == "another herd is installing this model"
    assert seen["total"] == later["total"] == len(server.content)
    assert "Installed tiny:q4_0" in said
    assert server.bytes_sent < 2 * len(server.content)


def start(words: Sequence[str], environ: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HERD, *words],
        env=environ,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def staged(environ: dict[str, str]) -> int:
    parts = (Path(environ["HERD_HOME"]) / "staging").glob("*.part")
    return sum(part.stat().st_size for part in parts)


def test_a_home_that_cannot_be_written_is_named(environ: dict[str, str]) -> None:
    home = Path(environ["HERD_HOME"])
    home.chmod(0o555)
    try:
        done = run(["install", "tiny"], environ, [sys.executable, "-c", AS_ANYBODY, *COMMAND])
    finally:
        home.chmod(0o755)

    assert done.returncode == 6
    assert done.stderr.splitlines()[-2:] == [
        f"herd: {home} cannot be written: it is not yours to write.",
        "Make it writable, or set HERD_HOME to another folder.",
    ]
    assert not (home / "manifests").exists()


AS_ANYBODY = """\
import ctypes, os, sys
if os.geteuid() == 0:  # root writes everywhere, unless it gives CAP_DAC_OVERRIDE (1) away
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_disk_that_fills_up_on_the_way_is_said_and_what_came_is_kept(
    environ: dict[str, str],
) -> None:
    content = b"GGUF" + noise(4 << 20, seed=2)
    with FileServer(content) as server:
        done = run(
            ["install", server.url, "--as", "large"],
            environ,
            ["bash", "-c", 'ulimit -f 2048; exec "$@"', "bash", *HERD],
        )

    assert done.returncode == 6
    assert "herd: The disk is full: " in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(run(["list", "--json"], environ).stdout) == []


def test_completions_are_models_and_verbs(environ: dict[str, str]) -> None:
    def completed(line: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        done = run([], {**environ, **words, "_HERD_COMPLETE": "bash_complete"}, COMMAND)
        assert done.stderr == ""
        return [each.partition(",")[2] for each in done.stdout.splitlines()]

    run(["install", "tiny"], environ, COMMAND)

    assert completed("herd ins") == ["install"]
    assert "tiny" in completed("herd install tin")
    assert completed("herd install tiny:") == ["tiny:q4_0"]
    assert completed("herd install ./x") == ["./x"]
    assert completed("herd remove ") == ["tiny"]
    assert "smollm2" in completed("herd info smol")
    assert "--dry-run" in completed("herd install --d")


def test_a_completion_says_nothing_of_a_registry_that_does_not_read(
    environ: dict[str, str],
) -> None:
    (Path(environ["HERD_HOME"]) / "registries" / "test.yaml").write_text("]")
    words = {"COMP_WORDS": "herd install t", "COMP_CWORD": "2"}

    done = run([], {**environ, **words, "_HERD_COMPLETE": "bash_complete"}, COMMAND)

    assert (done.returncode, done.stderr) == (0, "")
    assert "plain,tinyllama" in done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_for_a_shell_are_printed(environ: dict[str, str], shell: str) -> None:
    done = run(["completion", shell], environ)

    assert done.returncode == 0
    assert f"_HERD_COMPLETE={shell}_complete" in done.stdout
