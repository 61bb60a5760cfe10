"""A kill at any step leaves the model whole or absent, and the next try does not fetch again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .given import ROOT


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed by a signal")
@pytest.mark.parametrize(("kind", "at_least", "without_fetch"), [
    ("promised", 50, 30), ("unpromised", 55, 20),
])  # fmt: skip
def test_a_kill_before_any_step_costs_no_second_fetch_and_leaves_nothing_half(
    tmp_path: Path, kind: str, at_least: int, without_fetch: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.legacy.dying", str(tmp_path), kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    steps, came = map(int, done.stdout.split())
    assert steps >= at_least
    assert came >= without_fetch
