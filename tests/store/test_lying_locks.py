"""Disks whose locks exclude nobody are found out before two herds write at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.errors import Busy, CannotWrite
from herd.model import Reference
from herd.store import hold, lock
from tests.store.models import commit, model, store_at

TINY = Reference("tiny", "q4")


def test_a_disk_that_gives_one_lock_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "lock", lambda *_, **__: True)

    with pytest.raises(CannotWrite, match="does not keep locks"), store_at(tmp_path).hold(TINY):
        pytest.fail("it must not get here")


def test_a_lock_that_another_machine_was_given_too_is_seen_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_at(tmp_path)
    path = tmp_path / "locks" / "tiny@q4.lock"

    with store.hold(TINY):
        commit(store, b"weights", "m.gguf")
        path.write_text("4711\nanother-machine 00ff\n")

        with pytest.raises(Busy, match="does not keep locks"):
            store.record(model("tiny:q4", {"m.gguf": b"weights"}))

    assert store.installed() == ()


def test_a_lock_file_that_was_replaced_is_seen_too(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    path = tmp_path / "locks" / "tiny@q4.lock"

    with store.hold(TINY):
        held = hold.current(tmp_path / "locks")
        assert held is not None
        held.require_kept()
        path.unlink()
        path.write_text("4711\n")
        with pytest.raises(Busy):
            held.require_kept()
