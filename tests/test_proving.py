"""One pass over a file: the same digest and table in one thread or two."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from herd import proving
from herd.pieces import TableMaker

CONTENT = bytes(range(251)) * 80_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("processors", [1, 2])
@pytest.mark.parametrize("files", [1, 4])
def test_a_pass_gives_the_digest_and_the_table_however_many_threads_it_has(
    file: Path, monkeypatch: pytest.MonkeyPatch, processors: int, files: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    took: list[int] = []
    maker = TableMaker(len(CONTENT))
    maker.update(CONTENT)

    proof = proving.prove(file, took.append, files)

    assert proof.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert proof.table() == maker.table()
    assert sum(took) == len(CONTENT)


def test_what_is_told_of_each_step_may_end_the_pass(file: Path) -> None:
    def enough(_: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        proving.prove(file, enough)


def test_a_disk_that_turns_is_read_in_one_place(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herd.disk.turns", lambda _: False)
    assert proving.at_once(file, 100, most=3) == 3
    assert proving.at_once(file, 2, most=3) == 2
    assert proving.at_once(None, 0, most=3) == 1
    monkeypatch.setattr("herd.disk.turns", lambda _: True)
    assert proving.at_once(file, 100, most=3) == 1
