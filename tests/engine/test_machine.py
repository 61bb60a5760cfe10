"""What is read from the machine and from the first bytes of a file."""

from __future__ import annotations

import os
from pathlib import Path

import gguf
import pytest

from herd.engine import cores
from herd.engine.header import is_gguf, is_repacked
from herd.engine.placing import shape_of
from herd.engine.stop_flag import StopFlag
from tests.tools import tiny_gguf


def machine(folder: Path, siblings: list[str]) -> Path:
    for cpu, group in enumerate(siblings):
        topology = folder / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{group}\n")
    return folder


@pytest.mark.parametrize(
    ("siblings", "allowed", "quota", "expected"),
    [
        (["0", "1", "2", "3"], {0, 1, 2, 3}, None, 4),
        (["0,2", "1,3", "0,2", "1,3"], {0, 1, 2, 3}, None, 2),
        (["0,2", "1,3", "0,2", "1,3"], {0, 2}, None, 1),
        (["0", "1", "2", "3"], {0, 1, 2, 3}, "200000 100000", 2),
        (["0", "1", "2", "3"], {0, 1, 2, 3}, "50000 100000", 1),
        (["0", "1"], {0, 1}, "max 100000", 2),
        ([], {0, 1, 2}, None, 3),
    ],
)
def test_threads_are_the_physical_cores_that_we_may_use(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    siblings: list[str],
    allowed: set[int],
    quota: str | None,
    expected: int,
) -> None:
    monkeypatch.setattr(cores, "_CPUS", machine(tmp_path, siblings))
    monkeypatch.setattr(cores, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed, raising=False)
    if quota:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")

    assert cores.usable_cores() == expected


def test_a_quota_of_an_older_cgroup_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(cores, "_CPUS", tmp_path)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("300000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")

    assert cores.usable_cores() == 3


def with_file_type(path: Path, file_type: int, before: int = 0) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("tiny.padding", "x" * before)
    writer.add_file_type(file_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("before", [0, (1 << 20) - 130, (1 << 20) - 120, (1 << 20) - 100, 1 << 21])
def test_the_quantisation_decides_whether_weights_are_laid_out_anew(
    tmp_path: Path, before: int
) -> None:
    assert is_repacked(with_file_type(tmp_path / "q4_0", 2, before))
    assert not is_repacked(with_file_type(tmp_path / "q4_1", 3, before))


@pytest.mark.parametrize("is_behind", [False, True])
@pytest.mark.parametrize(("file_type", "is_laid_out_anew"), [(2, True), (3, False)])
def test_the_quantisation_is_known_before_and_behind_a_vocabulary(
    tmp_path: Path, file_type: int, is_laid_out_anew: bool, is_behind: bool
) -> None:
    writer = gguf.GGUFWriter(tmp_path / "it", "llama")
    words = [f"word{number}" for number in range(5000)]
    if is_behind:
        writer.add_token_list(words)
    writer.add_file_type(file_type)
    if not is_behind:
        writer.add_token_list(words)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    assert shape_of(tmp_path / "it").is_repacked is is_laid_out_anew


def test_a_file_without_the_key_is_mapped(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(with_file_type(tmp_path / "q4_0", 2).read_bytes()[:-3])

    assert not is_repacked(tmp_path / "cut")
    assert not is_repacked(tiny_gguf.write(tmp_path / "f32"))
    assert not is_repacked(tmp_path / "nothing")


def test_a_gguf_file_is_known_by_its_beginning(tmp_path: Path) -> None:
    assert is_gguf(tiny_gguf.write(tmp_path / "good"))
    assert not is_gguf(tiny_gguf.with_wrong_magic(tmp_path / "bad"))


def test_a_stop_is_for_the_requests_up_to_its_number() -> None:
    flag = StopFlag()
    seen = []
    for step, number in [("begin", 1), ("stop", 2), ("begin", 2), ("begin", 3)]:
        getattr(flag, step)(number)
        seen.append(flag.is_set)

    assert seen == [False, True, True, False]
