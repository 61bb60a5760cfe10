"""A kill at any step leaves the old models or the new ones, and the next try goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed by a signal")
@pytest.mark.parametrize(
    ("verb", "at_least"), [("first", 35), ("install", 20), ("replace", 25), ("remove", 15)]
)
def test_a_kill_before_any_step_leaves_every_model_whole_or_absent(
    tmp_path: Path, verb: str, at_least: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.dying", str(tmp_path), verb],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= at_least
