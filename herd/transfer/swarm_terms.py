"""What a fetch from a swarm is given: the network, the mirrors, and how long to wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from herd.pieces import Table
from herd.transfer.carrier import Carrier
from herd.transfer.mirrors import Standing
from herd.transfer.seam import Seam
from herd.transfer.swarm_exact import Exact
from herd.transfer.swarm_reach import SwarmReach
from herd.transfer.swarm_session import Session
from herd.transfer.swarm_watch import SwarmPatience
from herd.transfer.torrent_contents import Metainfo


@dataclass(frozen=True)
class Terms:
    """Under which conditions a swarm is asked."""

    open: Callable[[SwarmReach], Session]
    read: Callable[[bytes], Metainfo]
    """A .torrent's content; raises SourceRefused."""
    completed: Callable[[Metainfo, int, Table | None], Metainfo]
    """Puts in the piece hashes that a table has and the metadata of a v2 magnet has not."""
    reach: SwarmReach
    patience: SwarmPatience = field(default_factory=SwarmPatience)
    http: Carrier | None = None
    """Brings the file from its mirrors where that is quicker, or there is no metadata."""
    seam: Callable[[int], Seam] | None = None
    """The mirrors of a file of so many bytes, as web seeds."""
    seeds: Callable[[Metainfo], Sequence[Standing]] = lambda _: ()
    """More of them, once a magnet's metadata is there."""
    exact: Callable[[], Exact] | None = None
    """Looks for a magnet's .torrent elsewhere."""
    peers: frozenset[tuple[str, int]] = frozenset()
    """Members of the swarm that are known before."""
