"""What a fetch may rely on in a session of libtorrent."""

from __future__ import annotations

from pathlib import Path

from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_reach import reach
from herd.transfer.swarm_session import Taking
from herd.transfer.swarm_settings import settings
from herd.transfer.swarm_watch import Phase
from herd.transfer.torrent import read
from herd.transfer.torrent_session import NativeSession
from tests.tools.swarm import own_host
from tests.tools.wait import until
from tests.transfer.swarm_desk import SwarmDesk


def test_once_it_says_so_all_that_came_lies_in_the_file(tmp_path: Path) -> None:
    desk = SwarmDesk(tmp_path)
    torrent = desk.torrent()
    metainfo, folder = read(torrent.raw), SwarmFolder(desk.staged)
    folder.open(len(desk.content))
    with desk.swarm(torrent) as swarm:
        session = NativeSession(settings(interface=own_host()), reach((swarm.tracker.url,)))
        try:
            session.take(Taking(metainfo, 0, folder, [False] * metainfo.piece_count, frozenset()))
            until(lambda: session.look().phase is Phase.WHOLE)
            assert session.is_written()
            assert folder.file.read_bytes() == desk.content
        finally:
            session.close(is_hasty=True)
