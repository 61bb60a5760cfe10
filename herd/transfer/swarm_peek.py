"""Whether a swarm is alive: who answers for a magnet, and what they say the file is.

Nothing is fetched but the metadata, and nothing is left behind.
"""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from herd.model import MagnetSource
from herd.staging import Staged
from herd.transfer import torrent
from herd.transfer.part import check
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_reach import reach
from herd.transfer.swarm_settings import settings
from herd.transfer.torrent import read
from herd.transfer.torrent_session import NativeSession

_TICK = 0.1


@dataclass(frozen=True)
class Peek:
    """What was seen of a swarm."""

    peers: int
    """The most that were connected at once."""
    sizes: tuple[int, ...] | None = None
    """Bytes of each file in it, None where nobody told."""
    said: str = ""
    """What its trackers had to say."""


def peek(
    magnet: MagnetSource,
    *,
    seconds: float,
    stop: threading.Event,
    dht: bool = True,
    interface: str | None = None,
) -> Peek:
    """Look for peers until one tells what the file is, or the time is over.

    Args:
        magnet: The swarm.
        seconds: How long to look.
        stop: Set to end it.
        dht: Whether the distributed hash table may be asked; never for local trackers.
        interface: The one own IP address to speak from; None means any.

    Raises:
        SourceRefused: libtorrent is not there.
        Interrupted: it was stopped.
    """
    torrent.require()
    found = reach(magnet.trackers, peers=magnet.peers)
    with tempfile.TemporaryDirectory(prefix="herd-") as folder:
        chosen = settings(interface=interface, dht=dht and not found.is_local)
        session = NativeSession(chosen, found)
        try:
            session.ask(magnet, SwarmFolder(Staged(Path(folder) / "peek.part")))
            return _seen(session, time.monotonic() + seconds, stop)
        finally:
            session.close()


def _seen(session: NativeSession, end: float, stop: threading.Event) -> Peek:
    most = 0
    while time.monotonic() < end:
        check(stop)
        most = max(most, session.look().peers)
        if raw := session.metadata():
            return Peek(max(most, 1), tuple([entry.size for entry in read(raw).entries]))
        stop.wait(_TICK)
    return Peek(most, said=session.reports.sentence)
