"""What lies in a swarm's folder is checked piece by piece, and holes cost nothing."""

from __future__ import annotations

import os
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest

from herd.errors import Interrupted
from herd.transfer.extents import Extents
from herd.transfer.swarm_check import BLOCK, blocks_there, pieces_there
from herd.transfer.torrent import read
from herd.transfer.torrent_contents import Metainfo
from tests.tools.swarm import PIECE, make_torrent, noise

CONTENT = noise(9 * PIECE + 1000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    return path


def there(file: Path, metainfo: Metainfo, index: int = 0, *, stop: bool = False) -> list[bool]:
    event = threading.Event()
    if stop:
        event.set()
    return pieces_there(file, metainfo, index, event, lambda _: None)


def spoil(file: Path, at: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(bytes([CONTENT[at] ^ 1]))


@pytest.mark.parametrize("version", [1, 2, 12])
def test_a_piece_with_a_wrong_byte_is_missing_and_no_other(file: Path, version: int) -> None:
    metainfo = read(make_torrent(file, version=version).raw)
    assert there(file, metainfo) == [True] * 10
    spoil(file, 3 * PIECE + 5)
    spoil(file, len(CONTENT) - 1)
    assert there(file, metainfo) == [each not in (3, 9) for each in range(10)]


def test_many_pieces_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(bytes(2_000 * BLOCK))
    metainfo = read(make_torrent(file, piece=BLOCK).raw)
    tracemalloc.start()
    assert all(there(file, metainfo))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000 * metainfo.piece_count


@pytest.mark.parametrize("version", [1, 2, 12])
def test_a_file_of_one_piece_is_checked_too(tmp_path: Path, version: int) -> None:
    file = tmp_path / "small.gguf"
    file.write_bytes(CONTENT[:70_000])
    metainfo = read(make_torrent(file, version=version).raw)
    assert there(file, metainfo) == [True]
    spoil(file, 69_999)
    assert there(file, metainfo) == [False]


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_that_ends_early_has_the_pieces_before_its_end(file: Path, version: int) -> None:
    metainfo = read(make_torrent(file, version=version).raw)
    os.truncate(file, 4 * PIECE + 7)
    assert there(file, metainfo) == [each < 4 for each in range(10)]


def test_nothing_is_there_before_the_file_is(tmp_path: Path, file: Path) -> None:
    metainfo = read(make_torrent(file).raw)
    assert there(tmp_path / "nowhere", metainfo) == [False] * 10


def test_without_the_hashes_of_a_v2_torrent_nothing_counts(file: Path) -> None:
    raw: Any = lt.bdecode(make_torrent(file, version=2).raw)
    described: Any = {b"info": raw[b"info"]}
    bare = lt.bencode(described)
    assert there(file, read(bare)) == [False] * 10


def test_a_file_of_nothing_but_holes_is_not_read(tmp_path: Path) -> None:
    size = 100 * 10**9
    count = -(-size // (4 << 20))
    info = {
        b"name": b"m.gguf",
        b"length": size,
        b"piece length": 4 << 20,
        b"pieces": noise(20 * count),
    }
    described: Any = {b"info": info}
    metainfo = read(lt.bencode(described))
    file = tmp_path / "model"
    with file.open("wb") as stream:
        stream.truncate(size)
        stream.seek(50 * (4 << 20))
        stream.write(CONTENT)
    taken: list[int] = []
    found = pieces_there(file, metainfo, 0, threading.Event(), taken.append)
    assert not any(found)
    assert len(found) == count
    assert sum(taken) <= len(CONTENT)


@pytest.mark.parametrize("version", [1, 2, 12])
def test_pieces_that_another_file_has_a_part_in_count_as_missing(
    tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_bytes(CONTENT[:1000])
    (folder / "m.gguf").write_bytes(CONTENT)
    metainfo = read(make_torrent(folder, version=version).raw)
    index = next(at for at, each in enumerate(metainfo.entries) if each.name == "m.gguf")
    found = there(folder / "m.gguf", metainfo, index)
    first = metainfo.entries[index].offset // PIECE
    assert [at for at, good in enumerate(found) if good] == [
        piece for piece in range(first, len(found)) if piece not in metainfo.shared_pieces(index)
    ]
    assert len(metainfo.shared_pieces(index)) == (version == 1)


def test_a_check_ends_when_it_is_told_to(file: Path) -> None:
    with pytest.raises(Interrupted):
        there(file, read(make_torrent(file).raw), stop=True)


def begun(path: Path, *spans: tuple[int, int]) -> Path:
    """A file of which only these bytes were written."""
    part = path.with_name("part")
    with part.open("wb") as stream:
        stream.truncate(len(CONTENT))
        for start, stop in spans:
            stream.seek(start)
            stream.write(CONTENT[start:stop])
    return part


@pytest.mark.parametrize("version", [1, 2, 12])
def test_the_blocks_of_an_unfinished_piece_are_those_without_a_hole(
    file: Path, version: int
) -> None:
    metainfo = read(make_torrent(file, version=version).raw)
    first, torn = 2 * PIECE + BLOCK, 2 * PIECE + 8 * BLOCK
    part = begun(file, (0, first), (torn, torn + BLOCK // 2), (5 * PIECE, 5 * PIECE + 2 * BLOCK))
    found = blocks_there(part, metainfo, 0, there(part, metainfo))
    blocks = PIECE // BLOCK
    assert found == {
        2: [True] + [False] * (blocks - 1),
        5: [True] * 2 + [False] * (blocks - 2),
    }


def test_a_block_that_ends_within_a_page_is_not_there_where_it_is_known_what_came(
    file: Path,
) -> None:
    metainfo = read(make_torrent(file).raw)
    torn = 2 * PIECE + 2 * BLOCK - 700
    part = begun(file, (0, torn))
    have = there(part, metainfo)
    blocks = PIECE // BLOCK
    assert blocks_there(part, metainfo, 0, have) == {2: [True] * 2 + [False] * (blocks - 2)}
    came = Extents([(0, torn)])
    found = blocks_there(part, metainfo, 0, have, came)
    assert found == {2: [True] + [False] * (blocks - 1)}


def test_of_many_unfinished_pieces_those_with_most_blocks_count(file: Path) -> None:
    metainfo = read(make_torrent(file).raw)
    part = begun(file, *((at * PIECE, at * PIECE + (1 + at) * BLOCK) for at in range(5)))
    assert sorted(blocks_there(part, metainfo, 0, there(part, metainfo))) == [2, 3, 4]


def test_a_piece_without_holes_that_is_wrong_is_not_unfinished(file: Path) -> None:
    metainfo = read(make_torrent(file).raw)
    part = begun(file, (0, 2 * PIECE))
    spoil(part, PIECE + 3)
    assert blocks_there(part, metainfo, 0, there(part, metainfo)) == {}
