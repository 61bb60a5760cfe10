"""What a fetch asks of a libtorrent session: `torrent_session` has the real one, tests others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from herd.model import MagnetSource
from herd.transfer.seam_feed import Fed
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_watch import Look
from herd.transfer.torrent_contents import Metainfo


@dataclass(frozen=True)
class Taking:
    """What a session is to fetch."""

    metainfo: Metainfo
    index: int
    """Of the one entry that is wanted."""
    folder: SwarmFolder
    have: Sequence[bool]
    """For each piece of the torrent, whether it lies in the folder and is right."""
    peers: frozenset[tuple[str, int]]
    """Known already."""
    web_seeds: tuple[str, ...] = ()
    """Mouths of the seam."""
    begun: Mapping[int, list[bool]] = field(default_factory=dict)
    """Of pieces that are not whole, which blocks lie in the folder."""


class Session(Fed, Protocol):
    """One torrent in one libtorrent session."""

    def ask(self, magnet: MagnetSource, folder: SwarmFolder) -> None:
        """Begin to ask peers for the metadata of a magnet; no payload."""
        ...

    def take(self, taking: Taking) -> None:
        """Begin to fetch what is not there."""
        ...

    def look(self) -> Look:
        """What goes on."""
        ...

    def pieces(self) -> list[bool]:
        """Which pieces of the whole torrent are there and right."""
        ...

    def await_news(self, seconds: float) -> None:
        """Wait until something happens in the swarm, at most so long."""
        ...

    def is_written(self) -> bool:
        """Wait a moment until the file has all that came; whether it has."""
        ...

    def settle(self) -> None:
        """Ask for nothing more, and wait a moment for what is on its way and under work."""
        ...

    def limit(self, rate: int | None) -> None:
        """Bring no more bytes per second than that; None: as many as come."""
        ...

    def limit_out(self, rate: int | None) -> None:
        """Give no more bytes per second than that; None: as many as are asked for."""
        ...

    def metadata(self) -> bytes | None:
        """What came of `ask`, as a .torrent."""
        ...

    def want_hashes(self) -> None:
        """Ask for the .torrent with the piece hashes that peers gave; it comes in `hashes`."""
        ...

    def hashes(self) -> bytes | None:
        """The answer to `want_hashes`, once."""
        ...

    def close(self, *, is_hasty: bool = False) -> None:
        """Let go of the network and of all files, everything written; once is enough.

        Args:
            is_hasty: Whether trackers need not hear of it: somebody waits for the end.
        """
        ...
