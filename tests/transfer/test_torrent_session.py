"""What a fetch may rely on in a session of libtorrent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from herd.pieces import LEAF
from herd.transfer.swarm_check import BLOCK, blocks_there
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_reach import reach
from herd.transfer.swarm_session import Taking
from herd.transfer.swarm_settings import settings
from herd.transfer.swarm_watch import Phase
from herd.transfer.torrent import read
from herd.transfer.torrent_contents import Metainfo
from herd.transfer.torrent_session import NativeSession
from tests.tools.swarm import PIECE, own_host
from tests.tools.wait import until
from tests.transfer.swarm_desk import Swarm, SwarmDesk


@pytest.fixture
def desk(tmp_path: Path) -> SwarmDesk:
    return SwarmDesk(tmp_path)


@pytest.fixture
def folder(desk: SwarmDesk) -> SwarmFolder:
    folder = SwarmFolder(desk.staged)
    folder.open(len(desk.content))
    return folder


@contextmanager
def taken(taking: Taking, swarm: Swarm) -> Iterator[NativeSession]:
    """A session that fetches."""
    session = NativeSession(settings(interface=own_host()), reach((swarm.tracker.url,)))
    try:
        session.take(taking)
        yield session
    finally:
        session.close(is_hasty=True)


def all_of(metainfo: Metainfo, folder: SwarmFolder, begun: dict[int, list[bool]]) -> Taking:
    nothing = [False] * metainfo.piece_count
    return Taking(metainfo, 0, folder, nothing, frozenset(), begun=begun)


def test_once_it_says_so_all_that_came_lies_in_the_file(
    desk: SwarmDesk, folder: SwarmFolder
) -> None:
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm, taken(all_of(read(torrent.raw), folder, {}), swarm) as one:
        until(lambda: one.look().phase is Phase.WHOLE)
        assert one.is_written()
        assert folder.file.read_bytes() == desk.content


@pytest.mark.parametrize("damaged", [0, 3])
def test_blocks_that_lie_there_do_not_come_again_and_a_wrong_one_costs_its_piece(
    desk: SwarmDesk, folder: SwarmFolder, damaged: int
) -> None:
    torrent, half = desk.torrent(), PIECE // 2
    content = bytearray(desk.content)
    for piece in range(damaged):
        content[piece * PIECE] ^= 1
    with folder.file.open("wb") as stream:
        stream.truncate(len(content))
        for piece in range(3):
            stream.seek(piece * PIECE)
            stream.write(content[piece * PIECE : piece * PIECE + half])
    metainfo = read(torrent.raw)
    begun = blocks_there(folder.file, metainfo, 0, [False] * metainfo.piece_count)
    with desk.swarm(torrent) as swarm, taken(all_of(metainfo, folder, begun), swarm) as one:
        until(lambda: one.look().phase is Phase.WHOLE)
        assert one.is_written()
        assert folder.file.read_bytes() == desk.content
        until(lambda: swarm.uploaded == len(content) - 3 * half + damaged * PIECE)
        assert not one.reports.banned


def test_where_little_comes_the_blocks_of_a_piece_are_written_before_it_is_whole(
    desk: SwarmDesk, folder: SwarmFolder
) -> None:
    torrent = desk.torrent(piece=16 * PIECE)
    metainfo = read(torrent.raw)
    with (
        desk.swarm(torrent, rate=8 * BLOCK) as swarm,
        taken(all_of(metainfo, folder, {}), swarm) as one,
    ):

        def is_begun() -> bool:
            return one.look().phase is Phase.FETCHING and bool(
                blocks_there(folder.file, metainfo, 0, one.pieces())
            )

        until(is_begun)
        assert not any(one.pieces())


def test_piece_hashes_of_which_only_some_came_are_no_broken_torrent(
    tmp_path: Path,
) -> None:
    """They are asked for 512 at a time (BEP 52)."""
    desk = SwarmDesk(tmp_path, size=1200 * LEAF)
    folder = SwarmFolder(desk.staged)
    folder.open(len(desk.content))
    torrent = desk.torrent(version=2, piece=LEAF)
    ahead = read(torrent.raw[: torrent.raw.index(b"12:piece layers")] + b"e")
    with desk.swarm(torrent) as swarm:
        swarm.seeds[0].slow_down(len(desk.content) // 2)
        with taken(all_of(ahead, folder, {}), swarm) as one:
            seen: list[Metainfo] = []

            def has_hashes() -> bool:
                one.want_hashes()
                one.look()
                seen.extend([] if (raw := one.hashes()) is None else [read(raw)])
                return bool(seen) and seen[-1].entries[0].has_hashes

            until(has_hashes)
    assert not seen[0].entries[0].has_hashes
    assert seen[-1].layers == read(torrent.raw).layers


@pytest.mark.parametrize("version", [1, 2])
def test_a_web_seed_is_known_by_the_url_that_it_was_given(
    desk: SwarmDesk, folder: SwarmFolder, version: int
) -> None:
    torrent = desk.torrent(version=version)  # libtorrent ends those of version 2 with a slash
    url = f"http://{own_host()}:9/mouth"
    taking = replace(all_of(read(torrent.raw), folder, {}), web_seeds=(url,))
    with desk.swarm(torrent) as swarm, taken(taking, swarm) as one:
        assert one.fed() == {url}
        one.wean(url)
        until(lambda: not one.fed())
