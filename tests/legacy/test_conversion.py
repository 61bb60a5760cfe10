"""A conversion ends whole or leaves nothing: stopped, without room, without rights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from herd.errors import CannotWrite, Interrupted, LegacyDamaged, NoRoom
from herd.legacy import convert
from herd.legacy.lanes import Slot
from herd.legacy.source import PartSource
from herd.pieces import Proof
from herd.progress import Gauge, Stage

from . import old_file as old
from .given import ROOT, given
from .work import FACTS, converted

Usage = namedtuple("Usage", "total used free")


class StoppingGauge(Gauge):
    """Sets the stop when something has moved."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self.stop = stop

    def advance(self, count: int) -> None:
        super().advance(count)
        if self.read().done > 50_000:
            self.stop.set()


def test_the_gauge_moves_over_all_bytes_of_all_parts(tmp_path: Path) -> None:
    gauge = Gauge()

    done = convert(given("ggmf1-q4_0-2part"), tmp_path / "out", FACTS, gauge, threading.Event())

    progress = gauge.read()
    assert (progress.stage, progress.note) == (Stage.CONVERTING, "ggmf1-q4_0-2part.bin")
    assert progress.done == progress.total == done.legacy.size == 2 * 87_100


def test_the_pieces_of_the_gguf_are_counted_while_it_is_written(tmp_path: Path) -> None:
    done = converted(given("ggml0-q4_0-full32000"), tmp_path)

    proof = Proof()
    proof.update(done.path.read_bytes())
    assert (done.sha256, done.table) == (proof.sha256, proof.table())


def test_every_byte_of_the_weights_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But the first rows, which show how blocks lie in files of the first kind."""
    read: list[tuple[int, int]] = []
    stretch = PartSource._stretch

    def noted(part: PartSource, offset: int, size: int) -> Slot:
        read.append((offset, size))
        return stretch(part, offset, size)

    monkeypatch.setattr(PartSource, "_stretch", noted)
    done = converted(given("ggjt1-q5_1"), tmp_path)

    at = 0
    for offset, size in read:
        assert offset == at
        at += size
    assert at == done.legacy.size


def test_a_stopped_conversion_leaves_nothing(tmp_path: Path) -> None:
    stop = threading.Event()

    with pytest.raises(Interrupted):
        convert(given("ggjt1-q5_1"), tmp_path / "out", FACTS, StoppingGauge(stop), stop)

    assert list(tmp_path.iterdir()) == []
    assert not [each for each in threading.enumerate() if "digest" in each.name]


def test_a_target_that_was_there_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    target = tmp_path / "out.gguf"
    target.write_bytes(b"what was there")
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        convert(given("ggjt1-q5_1"), target, FACTS, Gauge(), stop)
    assert target.read_bytes() == b"what was there"

    converted(given("ggjt1-q5_1"), tmp_path)

    assert target.read_bytes().startswith(b"GGUF")


def test_a_file_may_be_converted_onto_itself(tmp_path: Path) -> None:
    path = tmp_path / "out.gguf"
    shutil.copy(given("ggml0-q4_0"), path)

    done = converted(path, tmp_path)

    assert path.stat().st_size == done.size


def test_without_room_nothing_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 10, 1000))

    with pytest.raises(NoRoom, match=r"to convert ggml0-q4_0\.bin: 1\d\d\.\d kB are missing"):
        converted(given("ggml0-q4_0"), tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_fills_up_meanwhile_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from herd.legacy import target

    full = Path("/dev/full")
    monkeypatch.setattr(target, "_open", lambda _: full.open("wb", buffering=0))

    with pytest.raises(NoRoom, match="the disk is full"):
        converted(given("ggml0-q4_0"), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="cannot be written"):
        converted(given("ggml0-q4_0"), tmp_path / "missing")


def test_a_source_that_shrinks_meanwhile_is_damage(tmp_path: Path) -> None:
    path = old.old_file(tokens=30_000).write(tmp_path)

    class Cutting(Gauge):
        def begin(self, *_: object, **__: object) -> None:
            os.truncate(path, 400_000)

    with pytest.raises(LegacyDamaged, match="became shorter"):
        convert(path, tmp_path / "out", FACTS, Cutting(), threading.Event())

    assert list(tmp_path.iterdir()) == [path]


def test_only_converting_needs_numpy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from herd.legacy import *\n"
        "path = Path(sys.argv[1]); recognise(path); inspect(path, Facts('x'))\n"
        "assert 'numpy' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code, given("ggml0-q4_0")], check=True, cwd=ROOT)
