"""The short run of benchmarks/chaos.py: kills at random instants of every verb."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed by a signal")
def test_kills_at_random_instants_leave_every_model_whole_or_absent() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos", "--kills", "24", "--seed", "5", "--rate", "200"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr + done.stdout
    assert "no model was corrupt or half installed" in done.stdout
