"""The torrent carrier: a file out of a swarm, by magnet or .torrent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from herd.errors import SourceRefused
from herd.model import MagnetSource, SwarmState, TorrentSource
from herd.transfer import torrent
from herd.transfer.carrier import Delivery, Wish
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_reach import SwarmReach, allowed_by, is_web, reach
from herd.transfer.swarm_settings import settings
from herd.transfer.swarm_watch import SwarmPatience
from herd.transfer.torrent import MOST_BYTES, NativeSession, read
from herd.transfer.torrent_contents import Metainfo
from herd.transfer.torrent_fetch import Terms, TorrentFetch

GetSmall = Callable[[str, int, threading.Event], bytes]
"""A small file from an address: at most so many bytes; ends early when the event is set."""


class TorrentCarrier:
    """Brings files from swarms."""

    def __init__(
        self,
        patience: SwarmPatience | None = None,
        *,
        dht: bool = True,
        interface: str | None = None,
        get_small: GetSmall | None = None,
    ) -> None:
        """Touches nothing.

        Args:
            patience: How long to wait for what.
            dht: Whether magnets may be asked of the distributed hash table. A swarm
                whose trackers are all local is never asked of it.
            interface: The one own IP address to speak from; None means any.
            get_small: Brings a .torrent from an http(s) address.
        """
        self._patience = patience or SwarmPatience()
        self._dht = dht
        self._interface = interface
        self._get_small = get_small or _get_small

    def fetch(self, wish: Wish) -> Delivery:
        """Bring the file, going on from what is staged. As Carrier.fetch."""
        torrent.require()
        folder = SwarmFolder(wish.staged)
        match wish.source:
            case MagnetSource() as magnet:
                _require_hash(magnet)
                terms = self._terms(reach(magnet.trackers), is_magnet=True)
                start = _saved(folder, magnet) or magnet
            case TorrentSource(location):
                start = read(self._bring(location, wish.stop))
                found = reach(start.trackers, allowed_by(location))
                terms = self._terms(found, is_magnet=False)
            case _:
                raise TypeError(wish.source)
        return TorrentFetch(wish, folder, terms).run(start)

    def _terms(self, found: SwarmReach, *, is_magnet: bool) -> Terms:
        dht = self._dht and is_magnet and not found.is_local
        chosen = settings(interface=self._interface, dht=dht)
        return Terms(lambda to: NativeSession(chosen, to), read, found, self._patience)

    def _bring(self, location: str, stop: threading.Event) -> bytes:
        if is_web(location):
            return self._get_small(location, MOST_BYTES, stop)
        try:
            with Path(location).expanduser().open("rb") as stream:
                return stream.read(MOST_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SourceRefused(f"{location} cannot be read: {reason.lower()}") from error


def _saved(folder: SwarmFolder, magnet: MagnetSource) -> Metainfo | None:
    """The metadata that an earlier try got, if it is this magnet's."""
    raw = folder.saved_metainfo(MOST_BYTES)
    try:
        metainfo = read(raw) if raw else None
    except SourceRefused:
        return None
    return metainfo if metainfo and metainfo.is_of(magnet) else None


def _require_hash(magnet: MagnetSource) -> None:
    if magnet.state is SwarmState.REVOKED:
        raise SourceRefused(f"it was withdrawn: {magnet.note or 'nobody says why'}")
    if magnet.v1 is None and magnet.v2 is None:
        raise SourceRefused("the magnet names no torrent")


def _get_small(url: str, limit: int, stop: threading.Event) -> bytes:
    from herd.transfer.small import read_small

    return read_small(url, most=limit, stop=stop)
