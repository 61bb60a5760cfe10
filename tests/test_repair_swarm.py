"""A model that came out of a swarm is repaired by its damaged pieces alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from herd import pieces
from herd.errors import NoSourceDelivered
from herd.model import MagnetSource, Source, TorrentSource, UrlSource
from herd.piece_repair import PieceRepairer
from herd.repair import Repaired, Repairer, Wanted
from herd.store import Store
from herd.transfer import Transfer
from herd.transfer.download import HttpCarrier
from herd.transfer.patience import Patience
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_watch import SwarmPatience
from herd.transfer.torrent import read
from tests.store.models import digest, install, model, store_at
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import PIECE, own_host
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.swarm_desk import BRISK, CALM, SIZE, SwarmDesk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwarmDesk:
    monkeypatch.setattr(pieces, "PIECE", PIECE)
    return SwarmDesk(tmp_path)


def damaged_store(desk: SwarmDesk, *sources: Source) -> tuple[Store, Path]:
    """A store with the desk's file, two pieces of which are damaged."""
    store = store_at(desk.folder / "home")
    contents = {"model.gguf": desk.content}
    made = model("tiny:q4", contents)
    made = replace(made, files=(replace(made.files[0], sources=sources),))
    install(store, made, contents)
    blob = store.blob(digest(desk.content))
    blob.chmod(0o644)
    with blob.open("r+b") as stream:
        for at in (3 * PIECE + 7, 11 * PIECE):
            stream.seek(at)
            stream.write(bytes([desk.content[at] ^ 1]))
    blob.chmod(0o444)
    return store, blob


def keep_flat(store: Store, desk: SwarmDesk, piece_size: int) -> None:
    """As a v1 swarm leaves it: the torrent's own pieces."""
    table = read(desk.torrent(piece=piece_size).raw).table(0)
    assert table is not None
    assert table.is_flat
    store.keep_table(digest(desk.content), table)


def repair_by_http(store: Store) -> Repaired:
    http = HttpCarrier(Patience(first_wait=0.0, attempts=2))
    return Repairer(store, PieceRepairer(store, Transfer({UrlSource: http}), lambda: ())).repair(
        Wanted(None)
    )


def repair(store: Store, patience: SwarmPatience = CALM) -> Repaired:
    swarms = TorrentCarrier(patience, interface=own_host())
    transfer = Transfer({MagnetSource: swarms, TorrentSource: swarms})
    return Repairer(store, PieceRepairer(store, transfer, lambda: ())).repair(Wanted(None))


@pytest.mark.parametrize("version", [1, 2, 12])
@pytest.mark.parametrize("size", [PIECE, 4 * PIECE])
def test_only_the_damaged_pieces_come_by_a_magnet(desk: SwarmDesk, version: int, size: int) -> None:
    """A v2 magnet's metadata has no piece hashes: the table of the blob has them.

    Of a piece of the torrent that is larger than one of the table, the rest is there.
    """
    torrent = desk.torrent(version=version, piece=size)
    with desk.swarm(torrent) as swarm:
        store, blob = damaged_store(desk, torrent.magnet(swarm.tracker.url))
        mended = repair(store).files
        until(lambda: swarm.uploaded == 2 * PIECE)
    assert blob.read_bytes() == desk.content
    assert [each.size for each in mended] == [2 * PIECE]


@pytest.mark.parametrize(("version", "came"), [(1, 2 * PIECE), (2, SIZE), (12, SIZE)])
def test_without_a_table_the_torrent_says_which_pieces_are_damaged(
    desk: SwarmDesk, version: int, came: int
) -> None:
    """The metadata of a v2 magnet does not, and all of the file comes."""
    torrent = desk.torrent(version=version)
    with desk.swarm(torrent) as swarm:
        store, blob = damaged_store(desk, torrent.magnet(swarm.tracker.url))
        (store.root / "pieces" / digest(desk.content)).unlink()
        mended = repair(store).files
        until(lambda: swarm.uploaded == came)
    assert blob.read_bytes() == desk.content
    assert [each.size for each in mended] == [came]


def test_a_table_of_another_file_is_no_word_on_a_magnet(desk: SwarmDesk) -> None:
    torrent = desk.torrent(version=2)
    with desk.swarm(torrent) as swarm:
        store, blob = damaged_store(desk, torrent.magnet(swarm.tracker.url))
        other = desk.content[:PIECE] + bytes(len(desk.content) - PIECE)
        proof = pieces.Proof()
        proof.update(other)
        table = store.root / "pieces" / digest(desk.content)
        table.chmod(0o644)
        table.write_bytes(pieces.write(proof.table()))
        repair(store)
    assert blob.read_bytes() == desk.content


@pytest.mark.parametrize("version", [1, 2, 12])
def test_only_the_damaged_pieces_come_by_a_torrent(desk: SwarmDesk, version: int) -> None:
    file = desk.folder / "model.torrent"
    with desk.swarm(desk.torrent(version=version)) as swarm:
        file.write_bytes(desk.torrent(swarm.tracker.url, version=version).raw)
        store, blob = damaged_store(desk, TorrentSource(str(file)))
        repair(store)
        until(lambda: swarm.uploaded == 2 * PIECE)
    assert blob.read_bytes() == desk.content


def test_a_mirror_that_gives_no_parts_does_not_keep_the_swarm_from_giving_them(
    desk: SwarmDesk,
) -> None:
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm, FileServer(desk.content) as server:
        server.faults = Faults(ignores_ranges=True)
        store, blob = damaged_store(desk, torrent.magnet(swarm.tracker.url), UrlSource(server.url))
        repair(store)
        until(lambda: swarm.uploaded == 2 * PIECE)
    assert blob.read_bytes() == desk.content


def test_what_was_whole_before_did_not_come_from_a_magnet_that_names_a_mirror(
    desk: SwarmDesk,
) -> None:
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm, FileServer(desk.content) as server:
        magnet = replace(torrent.magnet(swarm.tracker.url), web_seeds=(server.url,))
        store, blob = damaged_store(desk, magnet)
        (mended,) = repair(store).files
    assert (mended.pieces, mended.size) == (2, 2 * PIECE)
    assert blob.read_bytes() == desk.content


def test_a_swarm_that_is_dead_leaves_the_damaged_blob_as_it_was(desk: SwarmDesk) -> None:
    torrent = desk.torrent()
    with HttpTracker() as tracker:
        store, blob = damaged_store(desk, torrent.magnet(tracker.url))
        before = blob.read_bytes()
        with pytest.raises(NoSourceDelivered, match="nobody gave the metadata"):
            repair(store, replace(BRISK, metadata=0.3))
    assert blob.read_bytes() == before


@pytest.mark.parametrize("piece_size", [PIECE // 2, PIECE, 2 * PIECE])
def test_what_came_out_of_a_v1_swarm_is_repaired_from_a_mirror_by_its_pieces(
    desk: SwarmDesk, piece_size: int
) -> None:
    with FileServer(desk.content) as server:
        store, blob = damaged_store(desk, UrlSource(server.url))
        keep_flat(store, desk, piece_size)
        (mended,) = repair_by_http(store).files
        assert server.bytes_sent == 2 * piece_size
    assert (mended.pieces, mended.size) == (2, 2 * piece_size)
    assert blob.read_bytes() == desk.content


def test_a_mirror_that_lies_does_not_keep_it_from_being_repaired(desk: SwarmDesk) -> None:
    with FileServer(desk.content) as server, FileServer(bytes(len(desk.content))) as liar:
        store, blob = damaged_store(desk, UrlSource(liar.url), UrlSource(server.url))
        keep_flat(store, desk, PIECE)
        repair_by_http(store)
    assert blob.read_bytes() == desk.content
