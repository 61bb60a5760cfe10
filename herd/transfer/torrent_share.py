"""Giving files of the store away by libtorrent; `torrent.py` knows what to beware of in it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from herd.transfer.swarm_authorities import trust_authorities
from herd.transfer.swarm_reach import near
from herd.transfer.swarm_settings import Sharing, sharing
from herd.transfer.swarm_watch import Given, plain
from herd.transfer.torrent import (
    GRACE,
    LAST,
    everybody_limited,
    load,
    lt,
    refusal,
    require,
)


class SharingSession:
    """A libtorrent session that gives files of the store away; used by one thread."""

    def __init__(self, how: Sharing) -> None:
        """Listen.

        Raises:
            SourceRefused: libtorrent is not there.
        """
        require()
        trust_authorities()
        mask = lt.alert_category.error | lt.alert_category.status | lt.alert_category.tracker
        self._session: Any = lt.session(sharing(how) | {"alert_mask": int(mask)})
        if how.is_lan_only:
            addresses = lt.ip_filter()
            for first, last in (("0.0.0.0", "255.255.255.255"), ("::", LAST)):  # noqa: S104
                addresses.add_rule(first, last, 1)
            for each in near():
                addresses.add_rule(each.first, each.last, 0)
            self._session.set_ip_filter(addresses)
        self._session.set_peer_class_filter(everybody_limited())
        self._handles: list[Any] = []
        self._bases: dict[int, int] = {}
        self.trackers: dict[str, str] = {}
        """The last word of each tracker, by its address."""

    @property
    def port(self) -> int:
        """Where peers come in; 0 before it is known."""
        return int(self._session.listen_port())

    def listens(self, patience: float = 2.0) -> int:
        """Where peers come in, once it is known; 0 where the system gave no port in that time."""
        end = time.monotonic() + patience
        while not self.port and time.monotonic() < end:
            time.sleep(0.01)
        return self.port

    def add(self, torrent: bytes, blob: Path, trackers: Iterable[str]) -> int:
        """Give a file away; its number in this session. The blob is only ever read."""
        params = load(torrent)
        params.save_path, params.renamed_files = str(blob.parent), {0: blob.name}
        params.trackers = list(trackers)
        params.tracker_tiers = [0] * len(params.trackers)
        params.url_seeds, params.http_seeds, params.dht_nodes = [], [], []
        flags = lt.torrent_flags
        # Pieces are proved before the first time each goes out, and none is ever written.
        params.flags = flags.seed_mode | flags.upload_mode | flags.apply_ip_filter
        self._handles.append(self._session.add_torrent(params))
        return len(self._handles) - 1

    def stop(self, number: int) -> None:
        """Give a file away no longer; the others go on."""
        handle, self._handles[number] = self._handles[number], None
        if handle is not None:
            self._bases[number] = int(handle.status().total_payload_upload)
            self._session.remove_torrent(handle)

    def look(self) -> tuple[Given, ...]:
        """What became of each file, by number."""
        for alert in self._session.pop_alerts():
            match alert:
                case lt.tracker_error_alert():
                    self.trackers[alert.url] = plain(refusal(alert))
                case lt.tracker_reply_alert():
                    self.trackers[alert.url] = f"{alert.num_peers} peers"
        return tuple(self._given(number) for number in range(len(self._handles)))

    def close(self) -> None:
        """Let go of the network; trackers hear of it."""
        for number in range(len(self._handles)):
            self.stop(number)
        time.sleep(GRACE)
        self._session = None

    def _given(self, number: int) -> Given:
        handle = self._handles[number]
        if handle is None:
            return Given(self._bases[number], 0, is_over=True)
        status = handle.status()
        is_damaged = not (status.is_seeding or status.is_finished)
        return Given(int(status.total_payload_upload), status.num_peers, is_damaged=is_damaged)
