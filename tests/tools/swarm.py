"""Seeds on loopback: real libtorrent sessions, each bound to an address of its own."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import libtorrent as lt

from herd.model import InfoHash, MagnetSource
from tests.tools.wait import until

PIECE = 256 * 1024
"""Bytes of a piece in most tests: small files still have a good many."""

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_hosts = (
    f"127.{10 + _worker}.{third}.{fourth}" for third in range(2, 250) for fourth in range(2, 250)
)
_seeds = itertools.count(1)


def own_host() -> str:
    """A loopback address that no other session of this run has."""
    return next(_hosts)


def noise(size: int, seed: int | None = None) -> bytes:
    """Bytes that are the same for the same seed."""
    return random.Random(next(_seeds) if seed is None else seed).randbytes(size)


@dataclass(frozen=True)
class Torrent:
    """A .torrent and what a magnet of it says."""

    raw: bytes
    v1: InfoHash | None
    v2: InfoHash | None

    def magnet(self, *trackers: str, is_from_user: bool = False) -> MagnetSource:
        return MagnetSource(v1=self.v1, v2=self.v2, trackers=trackers, is_from_user=is_from_user)


def make_torrent(
    path: Path, trackers: Iterable[str] = (), *, version: int = 1, piece: int = PIECE
) -> Torrent:
    """A torrent of a file or a folder; version 1 (BEP 3), 2 (BEP 52) or 12 (both)."""
    flags = {
        1: lt.create_torrent.v1_only,
        2: lt.create_torrent.v2_only,
        12: 0,
    }[version]
    made = lt.create_torrent(lt.list_files(str(path)), piece, flags)
    for tracker in trackers:
        made.add_tracker(tracker)
    lt.set_piece_hashes(made, str(path.parent))
    return describe(lt.bencode(made.generate()))


def describe(raw: bytes) -> Torrent:
    """The info hashes of a .torrent."""
    info = lt.load_torrent_buffer(raw).ti
    assert info is not None
    hashes = info.info_hashes()
    return Torrent(
        raw,
        InfoHash(str(hashes.v1)) if hashes.has_v1() else None,
        InfoHash(str(hashes.v2)) if hashes.has_v2() else None,
    )


def quiet(host: str) -> dict[str, Any]:
    """Settings of a session that speaks on one loopback address alone."""
    return {
        "listen_interfaces": f"{host}:0",
        "outgoing_interfaces": host,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "stop_tracker_timeout": 0,
        "alert_mask": 0,
    }


class Seed:
    """A session that has a whole torrent and uploads it."""

    def __init__(
        self, torrent: Torrent, folder: Path, *, rate: int = 0, host: str | None = None
    ) -> None:
        """Begin to seed.

        Args:
            torrent: What to seed.
            folder: Where the files of the torrent lie.
            rate: The most bytes per second to upload; 0 means no limit.
            host: Its address; None: one of its own.
        """
        self.host = host or own_host()
        # A limit is shared out at each tick: at the usual 0.5 s it comes in bursts of as much.
        settings: Any = quiet(self.host) | {"upload_rate_limit": rate, "tick_interval": 50}
        self._session = lt.session(settings)
        # Peers on the own network are in a class that no limit holds for; in class 0 one does.
        limited = lt.ip_filter()
        limited.add_rule("0.0.0.0", "255.255.255.255", 1)
        self._session.set_peer_class_filter(limited)
        params = lt.load_torrent_buffer(torrent.raw)
        params.save_path = str(folder)
        params.trackers = []
        params.flags = lt.torrent_flags.seed_mode
        self._handle = self._session.add_torrent(params)
        until(lambda: self._handle.status().is_seeding and self._session.listen_port() > 0)

    @property
    def address(self) -> tuple[str, int]:
        return (self.host, self._session.listen_port())

    @property
    def uploaded(self) -> int:
        """Payload bytes so far; the last ones are counted a moment after they came."""
        return int(self._handle.status().total_payload_upload)

    def slow_down(self, rate: int) -> None:
        self._session.apply_settings({"upload_rate_limit": rate})

    def close(self) -> None:
        del self._handle, self._session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
