"""Repair brings the damaged pieces and no others, from wherever they are, and proves the file."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from herd import pieces
from herd.errors import Interrupted, NoSourceDelivered
from herd.model import Installed, Source, UrlSource
from herd.piece_repair import PieceRepairer
from herd.pieces import LEAF
from herd.progress import Gauge, Stage
from herd.repair import Repaired, Repairer, Wanted, summary
from herd.store import Store
from herd.store.proof import Work
from herd.transfer import Transfer
from herd.transfer.download import HttpCarrier
from herd.transfer.patience import Patience
from herd.verify import verify
from tests.store.models import digest, install, is_whole, model, store_at
from tests.tools.http_server import Faults, FileServer
from tests.tools.wait import until

PIECE = 4 * LEAF
WEIGHTS = random.Random(7).randbytes(20 * PIECE + 99)
SHA256 = digest(WEIGHTS)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", PIECE)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(WEIGHTS) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return store_at(tmp_path / "home")


def installed(store: Store, *sources: Source) -> Installed:
    contents = {"m.gguf": WEIGHTS}
    made = model("tiny:q4", contents)
    made = replace(made, files=(replace(made.files[0], sources=sources),))
    install(store, made, contents)
    return made


def repairer(store: Store, workers: int = 8) -> Repairer:
    carrier = HttpCarrier(Patience(first_wait=0.0, attempts=2), workers=workers)
    return Repairer(store, PieceRepairer(store, Transfer({UrlSource: carrier}), lambda: ()))


def repair(store: Store, *places: Path, is_offline: bool = False) -> Repaired:
    return repairer(store).repair(Wanted(None, places, is_offline=is_offline))


def spoil(path: Path, *offsets: int, cut: int | None = None, tail: bytes = b"") -> None:
    content = bytearray(path.read_bytes())
    for at in offsets:
        content[at] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(bytes(content[:cut]) + tail)
    path.chmod(0o444)


def is_sound(store: Store) -> bool:
    return verify(store, None, Work(Gauge(), threading.Event())).is_sound


def test_three_damaged_spots_are_three_pieces_at_the_server(
    store: Store, server: FileServer
) -> None:
    tiny = installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 5, 9 * PIECE, len(WEIGHTS) - 1)

    repaired = repair(store)

    assert len(server.requests) == 3
    assert server.bytes_sent == 2 * PIECE + 99
    (mended,) = repaired.files
    assert (mended.pieces, mended.size) == (3, 2 * PIECE + 99)
    assert mended.givers == ("127.0.0.1",)
    assert is_whole(store, tiny)
    assert is_sound(store)
    assert store.begun() == ()
    assert summary(repaired) == "1 blob mended with 3 pieces."


def test_a_sound_store_is_left_alone_and_nobody_is_asked(store: Store, server: FileServer) -> None:
    installed(store, UrlSource(server.url))
    before = store.blob(SHA256).stat()

    repaired = repair(store)

    assert summary(repaired) == "Nothing is damaged; nothing was done."
    assert server.requests == []
    after = store.blob(SHA256).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("cut", "tail", "size"),
    [(3 * PIECE, b"", 17 * PIECE + 99), (None, b"tail", 0), (7 * PIECE + 1, b"", 13 * PIECE + 99)],
)
def test_missing_and_extra_bytes_are_mended_too(
    store: Store, server: FileServer, cut: int | None, tail: bytes, size: int
) -> None:
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), cut=cut, tail=tail)

    (mended,) = repair(store).files

    assert mended.size == size == server.bytes_sent
    assert is_sound(store)


def test_pieces_come_from_another_store_and_from_a_torn_copy_with_no_network(
    store: Store, server: FileServer, tmp_path: Path
) -> None:
    installed(store, UrlSource(server.url))
    other = store_at(tmp_path / "other")
    installed(other)
    torn = tmp_path / "stick" / "m.gguf"
    torn.parent.mkdir()
    torn.write_bytes(WEIGHTS[: 2 * PIECE])
    spoil(store.blob(SHA256), 5, 9 * PIECE)
    spoil(other.blob(SHA256), 5)

    (mended,) = repair(store, tmp_path / "other", torn.parent).files

    assert mended.givers == (str(torn), str(other.blob(SHA256)))
    assert server.requests == []
    assert is_sound(store)


def test_offline_asks_nobody_and_says_where_else_pieces_may_be(
    store: Store, server: FileServer
) -> None:
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 5)

    with pytest.raises(NoSourceDelivered) as refusal:
        repair(store, is_offline=True)

    assert f"bytes 0-{PIECE - 1} of m.gguf" in refusal.value.message
    assert "--from" in (refusal.value.hint or "")
    assert server.requests == []


def test_a_mirror_that_gives_wrong_bytes_is_passed_over(store: Store, server: FileServer) -> None:
    with FileServer(bytes(len(WEIGHTS)), "127.0.0.2") as liar:
        installed(store, UrlSource(liar.url), UrlSource(server.url))
        spoil(store.blob(SHA256), 5)

        (mended,) = repair(store).files

    assert mended.givers == ("127.0.0.1",)
    assert is_sound(store)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(reset_after=1000, times=1),
        Faults(status=503, times=1),
        Faults(splits_ranges=10_000),
        Faults(end_after=5, times=1),
    ],
)
def test_a_server_with_troubles_is_asked_again(
    store: Store, server: FileServer, faults: Faults
) -> None:
    server.faults = faults
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 5)

    repair(store)

    assert is_sound(store)


def test_of_a_server_that_knows_no_ranges_the_damaged_pieces_are_taken(
    store: Store, server: FileServer
) -> None:
    server.faults = Faults(ignores_ranges=True)
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 9 * PIECE)

    (mended,) = repair(store).files

    assert (mended.pieces, mended.size) == (1, PIECE)
    assert is_sound(store)


def test_pieces_side_by_side_are_asked_for_at_once(store: Store, server: FileServer) -> None:
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 5 * PIECE, 6 * PIECE, 7 * PIECE)

    (mended,) = repair(store).files

    assert (mended.pieces, server.bytes_sent) == (3, 3 * PIECE)
    assert [(each.start, each.stop) for each in server.requests] == [(5 * PIECE, 8 * PIECE)]
    assert is_sound(store)


def test_what_came_of_a_piece_before_a_kill_is_not_fetched_again(
    store: Store, server: FileServer
) -> None:
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 6 * PIECE - 1)
    server.faults = Faults(stall_after=PIECE // 2)
    wanted = Wanted(None)

    def came() -> bool:
        progress = wanted.gauge.read()
        is_fetching = progress.stage is Stage.FETCHING and server.requests != []
        return is_fetching and progress.done >= (progress.total or 0) - PIECE // 2

    def stop_half_way() -> None:
        until(came)
        wanted.stop.set()

    stopping = threading.Thread(target=stop_half_way)
    stopping.start()
    with pytest.raises(Interrupted):
        repairer(store, workers=1).repair(wanted)
    stopping.join()
    server.faults = Faults()

    (mended,) = repair(store).files

    assert mended.pieces == 1
    assert server.bytes_sent == PIECE
    assert is_sound(store)


def test_without_a_table_the_file_comes_whole(
    store: Store, server: FileServer, tmp_path: Path
) -> None:
    installed(store, UrlSource(server.url))
    (tmp_path / "home" / "pieces" / SHA256).unlink()
    spoil(store.blob(SHA256), 5)

    (mended,) = repair(store).files

    assert mended.size == len(WEIGHTS)
    assert is_sound(store)
    assert store.table(SHA256, len(WEIGHTS)) is not None


def test_a_blob_that_is_gone_comes_whole_and_its_name_too(store: Store, server: FileServer) -> None:
    tiny = installed(store, UrlSource(server.url))
    store.path_of(tiny).unlink()
    store.blob(SHA256).unlink()

    repair(store)

    assert is_sound(store)
    assert server.bytes_sent == len(WEIGHTS)
    assert store.path_of(tiny).samefile(store.blob(SHA256))


def test_a_table_that_lies_costs_a_repair_and_never_a_wrong_file(
    store: Store, server: FileServer, tmp_path: Path
) -> None:
    installed(store, UrlSource(server.url))
    wrong = bytearray(WEIGHTS)
    wrong[5] ^= 0xFF
    maker = pieces.TableMaker(len(wrong))
    maker.update(bytes(wrong))
    (tmp_path / "home" / "pieces" / SHA256).write_bytes(pieces.write(maker.table()))
    spoil(store.blob(SHA256), 5)

    repair(store)

    assert is_sound(store)


def test_a_repair_goes_on_where_an_earlier_one_was_broken_off(
    store: Store, server: FileServer
) -> None:
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 5, 3 * PIECE, 9 * PIECE)
    server.faults = Faults(status=404)
    with pytest.raises(NoSourceDelivered):
        repair(store)
    (begun,) = store.begun()
    with begun.staged.part.open("r+b") as stream:
        stream.write(WEIGHTS[:PIECE])
    server.faults = Faults()
    server.bytes_sent = 0

    (mended,) = repair(store).files

    assert (mended.pieces, server.bytes_sent) == (2, 2 * PIECE)
    assert is_sound(store)


def test_a_damaged_file_of_another_tool_is_left_alone_and_ours_becomes_our_own(
    store: Store, server: FileServer, tmp_path: Path
) -> None:
    tiny = installed(store, UrlSource(server.url))
    theirs = tmp_path / "theirs.gguf"
    theirs.hardlink_to(store.blob(SHA256))
    adopted = replace(tiny.files[0], adopted=str(theirs))
    store.record(replace(tiny, files=(adopted,)))
    spoil(theirs, 5)
    damaged = theirs.read_bytes()

    repair(store)

    assert theirs.read_bytes() == damaged
    assert store.installed()[0].files[0].adopted is None
    assert store.blob(SHA256).stat().st_mode & 0o777 == 0o444
    assert is_sound(store)


def test_permissions_and_names_are_set_right(store: Store) -> None:
    tiny = installed(store)
    store.blob(SHA256).chmod(0o666)
    store.path_of(tiny).unlink()

    repaired = repair(store)

    assert len(repaired.set_right) == 2
    assert is_sound(store)


def test_a_stop_leaves_the_damaged_blob_and_what_was_brought(
    store: Store, server: FileServer
) -> None:
    installed(store, UrlSource(server.url))
    spoil(store.blob(SHA256), 5)
    before = store.blob(SHA256).read_bytes()
    wanted = Wanted(None)
    server.faults = Faults(stall_after=10)

    def stop_when_asked() -> None:
        until(lambda: bool(server.requests))
        wanted.stop.set()

    stopping = threading.Thread(target=stop_when_asked)
    stopping.start()
    with pytest.raises(Interrupted):
        repairer(store).repair(wanted)
    stopping.join()

    assert store.blob(SHA256).read_bytes() == before


def test_a_file_that_is_another_tools_too_is_not_made_read_only(
    store: Store, tmp_path: Path
) -> None:
    tiny = installed(store)
    theirs = tmp_path / "theirs.gguf"
    theirs.hardlink_to(store.blob(SHA256))
    theirs.chmod(0o664)

    repair(store)

    assert theirs.stat().st_mode & 0o777 == 0o664
    assert not store.blob(SHA256).samefile(theirs)
    assert store.path_of(tiny).samefile(store.blob(SHA256))
    assert is_sound(store)


def test_a_blob_that_is_gone_is_made_again_of_its_own_name(
    store: Store, server: FileServer
) -> None:
    tiny = installed(store, UrlSource(server.url))
    store.blob(SHA256).unlink()

    repair(store)

    assert server.requests == []
    assert is_sound(store)
    assert store.path_of(tiny).samefile(store.blob(SHA256))
