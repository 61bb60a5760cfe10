"""Files of other tools that change or go while they are taken over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from herd.adopt import Asked
from herd.errors import DigestMismatch
from herd.model import Sha256
from herd.progress import Gauge, Stage
from herd.store import Store, adopting
from herd.store.adopting import Had, Way
from tests.foreign.layouts import digest, gguf, write
from tests.test_adopt import adopter, only, store, theirs

__all__ = ["store", "theirs"]


def test_a_file_that_changes_while_it_is_taken_over_is_refused(
    store: Store, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(theirs / "m.gguf", gguf())

    def linked(source: Path, target: Path, ways: object) -> Had:
        target.hardlink_to(source)
        path.write_bytes(gguf(2))
        os.utime(path, ns=(1, 1))
        return Had(Way.HARD_LINK)

    monkeypatch.setattr(adopting, "have", linked)

    with pytest.raises(DigestMismatch, match="changed while"):
        adopter(store).adopt(Asked(only(theirs)))
    assert store.installed() == ()
    assert list((store.blob(Sha256(digest(gguf()))).parent).iterdir()) == []


class _Meanwhile(Gauge):
    """Does something between the last byte that was read and the first that is taken over."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def begin(self, stage: Stage, total: int | None = None, done: int = 0, note: str = "") -> None:
        super().begin(stage, total, done, note)
        if stage is Stage.INSTALLING:
            self._act()


@pytest.mark.parametrize("is_replaced", [True, False])
@pytest.mark.parametrize("copies", [True, False])
def test_a_file_that_changed_since_it_was_read_is_refused(
    store: Store, theirs: Path, is_replaced: bool, copies: bool
) -> None:
    path = write(theirs / "m.gguf", gguf())
    other = write(theirs.parent / "other.gguf", gguf(2))

    def changes() -> None:
        if is_replaced:
            other.replace(path)
        else:
            path.write_bytes(gguf(2))
            os.utime(path, ns=(1, 1))

    with pytest.raises(DigestMismatch, match="changed while"):
        adopter(store).adopt(Asked(only(theirs), copies=copies, gauge=_Meanwhile(changes)))
    assert store.installed() == ()
    assert list((store.blob(Sha256(digest(gguf()))).parent).iterdir()) == []


def test_a_file_that_goes_while_it_is_taken_over_needs_not_be_there_where_its_bytes_are(
    store: Store, theirs: Path
) -> None:
    path = write(theirs / "m.gguf", gguf())
    adopter(store).adopt(Asked(only(theirs), copies=True))
    (store.root / "manifests" / "m" / "q4_0.json").unlink()

    adopted = adopter(store).adopt(Asked(only(theirs), gauge=_Meanwhile(path.unlink)))

    assert store.installed() == (adopted.installed,)
    assert adopted.installed.files[0].adopted is None
