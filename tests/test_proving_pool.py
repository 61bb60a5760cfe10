"""Files proved in processes: the same proof, whatever happens to a process meanwhile."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from herd import proving
from herd.pieces import Proven
from herd.proving_pool import Provers

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="/proc shows the processes")


def nothing(_: int) -> None:
    """Nobody wants to know."""


def said(proof: Proven) -> tuple[str, object]:
    """What a proof comes to."""
    return proof.sha256, proof.table()


@pytest.mark.parametrize("size", [0, 1, 5_000_000, 9 << 20])
def test_a_process_proves_what_this_one_would(tmp_path: Path, size: int) -> None:
    file = tmp_path / "ä file"
    file.write_bytes(os.urandom(size))
    took: list[int] = []
    with Provers(1, are_processes=True) as provers:
        proofs = [provers.prove(file, took.append), provers.prove(file, nothing)]
    assert [said(each) for each in proofs] == 2 * [said(proving.prove(file, nothing))]
    assert sum(took) == size


def test_a_process_that_is_killed_costs_its_file_once_more(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(40 << 20))
    took: list[int] = []

    with Provers(1, are_processes=True) as provers:

        def kill(count: int) -> None:
            if not took:
                os.kill(children().pop(), signal.SIGKILL)
            took.append(count)

        proof = provers.prove(file, kill)
        assert said(proof) == said(proving.prove(file, nothing))
        assert sum(took) == 40 << 20
        assert said(provers.prove(file, nothing)) == said(proof)


def test_a_file_that_is_not_there_is_an_error_and_the_next_one_is_proved(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"llama")
    with Provers(1, are_processes=True) as provers:
        with pytest.raises(FileNotFoundError):
            provers.prove(tmp_path / "none", nothing)
        assert said(provers.prove(file, nothing)) == said(proving.prove(file, nothing))


def test_who_is_told_can_end_it_and_no_process_is_left(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(9 << 20))

    def enough(_: int) -> None:
        raise KeyboardInterrupt

    with Provers(1, are_processes=True) as provers, pytest.raises(KeyboardInterrupt):
        provers.prove(file, enough)
    assert children() == set()


def children() -> set[int]:
    """The processes that this one started and that are provers."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            is_prover = b"herd.proving_pool" in (path / "cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            continue
        if parent == os.getpid() and is_prover:
            found.add(int(path.name))
    return found
