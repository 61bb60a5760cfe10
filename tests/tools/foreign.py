"""Other people's clients, and a network of two addresses for those that refuse loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


def need(*programs: str, is_root: bool = False) -> None:
    """Skip the test where a program is missing; in CI that is a failure."""
    missing = [each for each in programs if shutil.which(each) is None]
    if is_root and os.geteuid() != 0:
        missing.append("root, for a network namespace")
    if missing:
        reason = f"this needs {', '.join(missing)}"
        if os.environ.get("HERD_CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def running(words: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is ended with the test; what it says is in a file."""
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(frozen=True)
class Pair:
    """Two ends of a cable: one here, one in a network namespace of its own."""

    name: str
    here: str
    there: str

    def inside(self, *words: str) -> list[str]:
        """The command that runs `words` at the other end."""
        return ["ip", "netns", "exec", self.name, *words]


@contextmanager
def pair() -> Iterator[Pair]:
    """A network that is neither this machine's loopback nor anybody else's."""
    need("ip", is_root=True)
    number = os.getpid() % 60_000
    net = f"10.{200 + number // 250 % 50}.{number % 250}"
    made = Pair(f"herd{number}", f"{net}.1", f"{net}.2")
    near, far = f"hn{number}", f"hf{number}"
    _ip("netns", "add", made.name)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", made.name)
        _ip("addr", "add", f"{made.here}/24", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", made.name, "addr", "add", f"{made.there}/24", "dev", far)
        _ip("-n", made.name, "link", "set", far, "up")
        _ip("-n", made.name, "link", "set", "lo", "up")
        yield made
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "del", near)
        _ip("netns", "del", made.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)  # the system's
