"""A kill at any step leaves the old models or the new ones, and the next try goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process is killed by a signal")


def steps(program: str, folder: Path, verb: str) -> int:
    """How many steps the verb has; at each of them it was killed once."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.store.{program}", str(folder), verb],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize(
    ("verb", "at_least"), [("first", 35), ("install", 20), ("replace", 25), ("remove", 15)]
)
def test_a_kill_before_any_step_leaves_every_model_whole_or_absent(
    tmp_path: Path, verb: str, at_least: int
) -> None:
    assert steps("dying", tmp_path, verb) >= at_least


@pytest.mark.parametrize(
    ("verb", "at_least"),
    [("import", 20), ("repair", 20), ("prune", 20), ("move", 50), ("unpack", 40)],
)
def test_the_verbs_that_keep_a_store_survive_a_kill_before_any_step(
    tmp_path: Path, verb: str, at_least: int
) -> None:
    assert steps("dying_twice", tmp_path, verb) >= at_least
