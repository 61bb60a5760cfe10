"""`herd serve` as a process of its own, and `herd run` beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.tools import tiny_gguf
from tests.tools.wait import until

HERD = [sys.executable, "-m", "herd"]


@dataclass
class Running:
    process: subprocess.Popen[str]
    url: str
    env: dict[str, str]

    def herd(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*HERD, *words]
        return subprocess.run(
            command,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )

    def engines(self) -> list[int]:
        """Processes that have a model, by whichever herd."""
        return [one["pid"] for one in json.loads(self.herd("ps", "--json").stdout)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    env = os.environ | {"HERD_HOME": str(tmp_path / "h"), "HERD_METERED": "no"}
    env.pop("HERD_SERVE_TOKEN", None)
    path = tiny_gguf.write(tmp_path / "wool.gguf", tiny_gguf.Tiny())
    subprocess.run([*HERD, "install", "-q", "--as", "wool", str(path)], env=env, check=True)
    process = subprocess.Popen(
        [*HERD, "serve", "--port", "0", "--model", "wool"],
        env=env,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr
    said = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found, said
    served = Running(process, found.group(), env)
    until(lambda: is_healthy(served.url), 60)
    yield served
    process.kill()
    process.wait()
    process.stderr.close()


def is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def test_herd_run_uses_the_model_that_the_server_has_loaded(running: Running) -> None:
    before = running.engines()

    answer = running.herd("run", "wool", "llama", "--max-tokens", "5", "--seed", "1")

    assert answer.returncode == 0
    assert answer.stdout.strip()
    assert "the herd that serves" in answer.stderr
    assert running.engines() == before
    assert len(before) == 1


def test_ctrl_c_ends_the_server_and_its_models(running: Running) -> None:
    [engine] = running.engines()

    running.process.send_signal(signal.SIGINT)

    assert running.process.wait(30) == 0
    until(lambda: not psutil.pid_exists(engine))
    assert not (Path(running.env["HERD_HOME"]) / "engine.sock").exists()


def test_a_killed_server_leaves_no_model_behind_and_the_next_run_loads_its_own(
    running: Running,
) -> None:
    [engine] = running.engines()

    running.process.kill()
    running.process.wait()

    until(lambda: not psutil.pid_exists(engine))
    answer = running.herd("run", "wool", "llama", "--max-tokens", "5")
    assert answer.returncode == 0
    assert "the herd that serves" not in answer.stderr


def test_a_port_that_is_taken_is_one_sentence(running: Running) -> None:
    port = running.url.rpartition(":")[2]

    answer = running.herd("serve", "--port", port)

    assert answer.returncode == 2
    assert f"port {port}" in answer.stderr
    assert "Traceback" not in answer.stderr
