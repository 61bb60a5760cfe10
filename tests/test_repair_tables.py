"""What a repair does where a blob has no table of its pieces: the next one is to cost less."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herd import pieces
from herd.model import Installed, UrlSource
from herd.piece_repair import PieceRepairer, RepairedFile
from herd.pieces import PIECE
from herd.repair import Repairer, Wanted
from herd.store import Store
from herd.store.tables import table_of
from herd.transfer import Transfer
from herd.transfer.download import HttpCarrier
from herd.transfer.trail import Trail
from tests.store.models import digest, install, is_whole, model, store_at
from tests.tools.http_server import FileServer

WEIGHTS = random.Random(8).randbytes(2 * PIECE + 99)
SHA256 = digest(WEIGHTS)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(WEIGHTS) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_at(tmp_path / "home")


@pytest.fixture
def tiny(store: Store, server: FileServer, tmp_path: Path) -> Installed:
    contents = {"m.gguf": WEIGHTS}
    made = model("tiny:q4", contents)
    made = replace(made, files=(replace(made.files[0], sources=(UrlSource(server.url),)),))
    install(store, made, contents)
    (tmp_path / "home" / "pieces" / SHA256).unlink()
    return made


def spoil(store: Store) -> None:
    blob = store.blob(SHA256)
    blob.chmod(0o644)
    with blob.open("r+b") as stream:
        stream.write(b"?" * 5)
    blob.chmod(0o444)


def repair(store: Store, stop: threading.Event | None = None) -> RepairedFile:
    repairer = Repairer(
        store, PieceRepairer(store, Transfer({UrlSource: HttpCarrier()}), lambda: ())
    )
    (mended,) = repairer.repair(Wanted(None, stop=stop or threading.Event())).files
    return mended


@pytest.mark.parametrize("is_fast", [False, True], ids=["hashed as it came", "hashed afterwards"])
def test_a_file_that_came_whole_has_a_table_and_its_next_damage_costs_a_piece(
    store: Store, tiny: Installed, monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    if is_fast:
        monkeypatch.setattr(Trail, "left", lambda _: 1 << 30)
    spoil(store)
    mended = repair(store)
    assert (mended.size, mended.pieces) == (len(WEIGHTS), 3)
    spoil(store)
    mended = repair(store)
    assert (mended.size, mended.pieces) == (PIECE, 1)
    assert is_whole(store, tiny)


def test_who_stops_the_hashing_of_pieces_has_mended_the_file(
    store: Store, tiny: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def stopped(path: Path, took: Callable[[int], None]) -> pieces.Table:
        stop.set()
        return table_of(path, took)

    monkeypatch.setattr(Trail, "left", lambda _: 1 << 30)
    monkeypatch.setattr("herd.repair.table_of", stopped)
    spoil(store)
    repair(store, stop)
    assert is_whole(store, tiny)
    assert store.table(SHA256, len(WEIGHTS)) is None
