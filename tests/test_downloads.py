"""The list of downloads: who owns one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from herd.downloads import Asked, Downloads
from tests.tools.wait import until


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says that a process has ended")
def test_a_process_that_was_killed_and_that_nobody_waited_for_owns_nothing(tmp_path: Path) -> None:
    downloads = Downloads(tmp_path / "downloads.db")
    entry = downloads.put("tiny:q4", Asked("tiny:q4"))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{child.pid}/stat")
    since = int(stat.read_text().rpartition(")")[2].split()[19])
    taken = replace(entry, owner=child.pid, owner_since=since)
    before = taken.is_owned

    child.kill()

    until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z")
    assert (before, taken.is_owned) == (True, False)
    child.communicate()
