"""The limit for downloads while a model answers, over processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from herd.chatting import Chatting
from herd.core import Herd
from herd.jobs import Jobs
from herd.rules import Rules
from tests.test_jobs import order
from tests.tools.fakes import FakeCarrier, herd_at
from tests.tools.wait import until

ANSWERS = """
import sys
from pathlib import Path
from herd.chatting import Chatting
from herd.jobs import Jobs
jobs = Jobs(lambda order: None, chatting=Chatting(Path(sys.argv[1])))
with jobs.while_chatting():
    print("answers", flush=True)
    sys.stdin.readline()
print("done", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def herd(tmp_path: Path) -> Iterator[Herd]:
    url = "https://models.example.org/one.gguf"
    herd = herd_at(tmp_path / "home", FakeCarrier({url: b"GGUFone"}, {url: threading.Event()}))
    yield herd
    herd.close()


@pytest.mark.parametrize("end", ["says so", "is killed"])
def test_the_limit_holds_while_another_process_answers_however_that_ends(
    herd: Herd, tmp_path: Path, end: str
) -> None:
    locks = tmp_path / "locks"
    rules = Rules(pauses_metered=False, chatting_limit=100_000)
    jobs = Jobs(herd.installer.install, None, rules, chatting=Chatting(locks))
    jobs.start(order("one"))
    assert jobs.budget.limit is None
    with subprocess.Popen(
        [sys.executable, "-c", ANSWERS, str(locks)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "answers\n"
        until(lambda: jobs.budget.limit == 100_000)
        if end == "is killed":
            os.kill(other.pid, signal.SIGKILL)
        else:
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.stdout.readline() == "done\n"
        until(lambda: jobs.budget.limit is None)
    jobs.close()


def test_the_file_of_a_process_that_was_killed_is_not_kept_for_ever(tmp_path: Path) -> None:
    left, new, held = (tmp_path / f"chatting-1-{number}" for number in range(3))
    for path in (left, new, held):
        path.touch()
    for path in (left, held):
        os.utime(path, (0, 0))
    with held.open() as answers:
        flock(answers, LOCK_EX)
        chatting = Chatting(tmp_path)
        chatting.begin()
        assert not left.exists()
        assert new.exists()  # who made it may be about to lock it
        assert held.exists()
        chatting.end()


def test_a_folder_that_cannot_be_written_keeps_nobody_from_answering(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    chatting = Chatting(tmp_path / "file" / "locks")
    chatting.begin()
    assert not chatting.is_elsewhere
    chatting.end()
