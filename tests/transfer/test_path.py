"""Files that lie on this machine."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import SourceRefused
from herd.model import PathSource
from herd.progress import Stage
from herd.transfer import Delivery
from herd.transfer.local import PathCarrier
from tests.transfer.desk import CONTENT, Desk, digest, promise


def get(desk: Desk, path: Path) -> Delivery:
    return PathCarrier().fetch(desk.wish(promise(PathSource(str(path)))))


def test_a_file_is_copied_and_hashed_and_stays_where_it_is(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(CONTENT)
    delivery = get(desk, path)
    assert (delivery.size, delivery.sha256, delivery.name) == (
        len(CONTENT),
        digest(CONTENT),
        "mine.gguf",
    )
    assert desk.part == path.read_bytes() == CONTENT
    assert desk.gauge.read().stage is Stage.COPYING


def test_what_an_earlier_try_left_is_written_over(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(CONTENT)
    desk.stage(b"x" * (len(CONTENT) + 10))
    assert get(desk, tmp_path / "mine.gguf").sha256 == digest(CONTENT)
    assert desk.part == CONTENT


def test_a_file_of_another_size_is_refused_before_it_is_read(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(CONTENT + b"more")
    with pytest.raises(SourceRefused, match="is another file"):
        get(desk, tmp_path / "mine.gguf")
    assert desk.part == b""


def test_what_is_no_file_is_refused_by_what_it_is(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="does not exist"):
        get(desk, tmp_path / "nothing.gguf")
    with pytest.raises(SourceRefused, match="is a folder"):
        get(desk, tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceRefused, match="is a device"):
        get(desk, tmp_path / "pipe")
    with pytest.raises(SourceRefused, match="cannot be read"):
        get(desk, Path("with\0nothing"))


def test_a_copy_keeps_to_the_limit(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(CONTENT)
    desk.budget.set(len(CONTENT))  # a second, and a quarter of it may come at once
    begun = time.monotonic()
    wish = replace(desk.wish(promise(PathSource(str(path)))), budget=desk.budget)
    assert PathCarrier().fetch(wish).sha256 == digest(CONTENT)
    assert time.monotonic() - begun > 0.5
