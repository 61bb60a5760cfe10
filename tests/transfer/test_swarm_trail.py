"""A file is hashed while it grows, a little behind what is known to be right."""

from __future__ import annotations

from pathlib import Path

import libtorrent as lt
import pytest

from herd import late_hashing
from herd.errors import CannotWrite
from herd.late_hashing import Apart
from herd.model import File, Sha256
from herd.pieces import PIECE, Proof, Table
from herd.transfer.swarm_trail import BEHIND, FEWEST_LOOKS, MOST_LOOKS, SwarmTrail
from herd.transfer.torrent import read
from tests.tools.swarm import make_torrent, noise
from tests.tools.wait import until
from tests.transfer.desk import digest
from tests.transfer.swarm_desk import SIZE, SwarmDesk

SOME = PIECE + 300_000
"""Bytes that are right, and one piece of the table among them."""
CONTENT = noise(2 * PIECE + 12_345, seed=3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.write_bytes(CONTENT)
    return path


def test_it_follows_what_is_right_and_ends_with_the_digest(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(SOME, 0)
        for _ in range(FEWEST_LOOKS):
            trail.reach(len(CONTENT), BEHIND)
        until(lambda: trail.at == PIECE)
        assert not trail.is_done
        trail.reach_all()
        until(lambda: trail.is_done)
        found = trail.proof()
    proof = Proof(len(CONTENT))
    proof.update(CONTENT)
    assert found == (proof.sha256, proof.table())


def test_it_stays_behind_by_what_may_wait_to_be_written(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(SOME, 0)
        for _ in range(FEWEST_LOOKS):
            trail.reach(len(CONTENT), BEHIND - 1)
        assert trail.at == 0
        trail.reach(len(CONTENT), BEHIND)
        until(lambda: trail.at == PIECE)


def test_it_stays_a_few_looks_behind_however_much_comes(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(SOME, 0)
        for look in range(1, FEWEST_LOOKS):
            trail.reach(len(CONTENT), look * BEHIND)
        assert trail.at == 0
        trail.reach(len(CONTENT), FEWEST_LOOKS * BEHIND)
        until(lambda: trail.at == PIECE)


def test_it_goes_on_after_some_looks_though_nothing_more_comes(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(SOME, 500_000)
        for _ in range(MOST_LOOKS):
            assert trail.at == 0
            trail.reach(len(CONTENT), 700_000)
        until(lambda: trail.at == PIECE)


def test_who_waits_for_its_end_is_woken_by_it(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(len(CONTENT), 0)
        assert not trail.await_end(0)
        trail.reach_all()
        assert trail.await_end(600)
        assert trail.is_whole


def test_a_file_that_ends_early_ends_it_without_trouble(tmp_path: Path, file: Path) -> None:
    with SwarmTrail(file, len(CONTENT) + 5) as trail:
        trail.reach_all()
        until(lambda: trail.await_end(1))
        assert trail.at == 2 * PIECE
        assert not trail.is_done


def test_a_file_that_does_not_read_is_its_trouble(tmp_path: Path) -> None:
    with SwarmTrail(tmp_path / "nowhere", 5) as trail:
        trail.reach_all()
        until(lambda: trail.is_done)
        assert isinstance(trail.trouble, CannotWrite)


def test_when_the_process_that_hashes_is_gone_the_file_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Apart] = []

    def begin(file: int, size: int, known: Table | None) -> Apart:
        begun.append(Apart(file, size, known))
        begun[-1].wake()
        return begun[-1]

    monkeypatch.setattr(late_hashing, "begin", begin)
    desk = SwarmDesk(tmp_path)
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm:
        delivery = desk.fetch(torrent.magnet(swarm.tracker.url))
    assert begun
    assert delivery.sha256 == digest(desk.content)
    assert delivery.table is not None
    assert delivery.table.size == SIZE


def test_an_empty_file_is_done_at_once(file: Path) -> None:
    with SwarmTrail(file, 0) as trail:
        assert trail.is_done
        assert trail.proof()[0] == digest(b"")


def test_a_trail_that_read_too_early_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = digest(b"what lay there a moment before")
    monkeypatch.setattr(SwarmTrail, "proof", lambda _: (wrong, Table(0, PIECE, b"")))
    desk = SwarmDesk(tmp_path)
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm:
        delivery = desk.fetch(torrent.magnet(swarm.tracker.url))
        until(lambda: swarm.uploaded == SIZE)
    assert delivery.sha256 == digest(desk.content)


def test_without_a_promise_the_file_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: SwarmTrail) -> tuple[Sha256, object]:
        raise AssertionError

    monkeypatch.setattr(SwarmTrail, "proof", never)
    desk = SwarmDesk(tmp_path)
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm:
        source = torrent.magnet(swarm.tracker.url)
        delivery = desk.fetch(source, File("unknown", (source,)))
    assert delivery.sha256 == digest(desk.content)


@pytest.mark.parametrize("version", [2, 12])
@pytest.mark.parametrize("piece", [PIECE // 4, PIECE])
def test_a_torrent_of_v2_says_the_pieces_as_herd_counts_them(
    file: Path, version: int, piece: int
) -> None:
    metainfo = read(make_torrent(file, version=version, piece=piece).raw)
    proof = Proof(len(CONTENT))
    proof.update(CONTENT)
    assert metainfo.table(0) == proof.table()


@pytest.mark.parametrize("version", [1, 12])
@pytest.mark.parametrize("piece", [PIECE // 4, PIECE, 2 * PIECE])
def test_a_torrent_of_v1_says_its_own_pieces(file: Path, version: int, piece: int) -> None:
    table = read(make_torrent(file, version=version, piece=piece).raw).table(0)
    assert table is not None
    assert table.is_flat is (version == 1 or piece > PIECE)
    for number in range(len(table)):
        span = table.span(number)
        assert table.is_whole(number, CONTENT[span.start : span.stop])
        assert not table.is_whole(number, bytes(len(span)))


def test_a_torrent_says_no_pieces_where_its_own_are_no_help(tmp_path: Path, file: Path) -> None:
    assert read(make_torrent(file, version=2, piece=2 * PIECE).raw).table(0) is None
    small = tmp_path / "small"
    small.write_bytes(CONTENT[:PIECE])
    assert read(make_torrent(small, version=2, piece=PIECE // 4).raw).table(0) is None
    assert read(make_torrent(small, piece=PIECE).raw).table(0) is None


def test_a_file_that_shares_a_piece_with_another_has_no_table_of_v1(tmp_path: Path) -> None:
    folder = tmp_path / "several"
    folder.mkdir()
    for name, size in (("a", 2 * PIECE), ("b", 2 * PIECE + 5), ("c", 3 * PIECE)):
        (folder / name).write_bytes(noise(size, seed=size))
    files = sorted(lt.list_files(str(folder)), key=lambda each: each.filename)
    made = lt.create_torrent(files, PIECE, lt.create_torrent.v1_only)
    lt.set_piece_hashes(made, str(tmp_path))
    metainfo = read(lt.bencode(made.generate()))
    tables = {
        entry.name: metainfo.table(index)
        for index, entry in enumerate(metainfo.entries)
        if not entry.is_pad
    }
    alone = [name for name, table in tables.items() if table is not None]
    assert alone == ["a"]
    for name in alone:
        table, content = tables[name], (folder / name).read_bytes()
        assert table is not None
        for number in range(len(table)):
            span = table.span(number)
            assert table.is_whole(number, content[span.start : span.stop])


@pytest.mark.parametrize("version", [1, 2, 12])
def test_what_a_swarm_proved_is_the_table_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr(late_hashing, "WORTH", 1)
    desk = SwarmDesk(tmp_path, size=2 * PIECE + 12_345)
    torrent = desk.torrent(version=version, piece=PIECE)
    with desk.swarm(torrent) as swarm:
        delivery = desk.fetch(torrent.magnet(swarm.tracker.url))
    assert delivery.table is not None
    assert delivery.table.is_flat is (version != 2)
    assert all(
        delivery.table.is_whole(number, desk.content[each.start : each.stop])
        for number in range(len(delivery.table))
        for each in [delivery.table.span(number)]
    )
