"""The settings of a libtorrent session that fetches one file and gives no more than it must.

No port is opened in a router, nothing is announced to the local network, no server is
asked for the own address, and nobody is let in: herd connects to peers, never they to
herd. libtorrent announces itself once for each socket that it listens on, so there is
a socket; whoever connects to it is turned away.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from herd import __version__
from herd.transfer.own_network import everywhere

MOST_METADATA = 4 << 20
"""Bytes of a magnet's metadata: the table of pieces of a 100 GB file has a few hundred KB."""
MOST_PIECES = 0x40000
_FASTEST = (1 << 31) - 1
"""Bytes per second: libtorrent has 32 bits for a limit."""
MOST_QUEUED = 8 << 20
"""Bytes that wait to be written: more costs memory and makes nothing faster."""
_USUAL_WINDOW = 6 << 20
"""Bytes that Linux lets wait in a connection at most, unless it was told otherwise."""
_USUAL_TICK, _USUAL_AHEAD = 500, 3
"""Milliseconds between two looks of libtorrent; seconds of blocks that it asks a peer for."""
_LIMITED_TICK = 20
_BOOTSTRAP = "dht.libtorrent.org:25401,router.bittorrent.com:6881,dht.transmissionbt.com:6881"

_PRIVATE: dict[str, object] = {
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_lsd": False,
    "webtorrent_stun_server": "",
    "enable_incoming_tcp": False,
    "enable_incoming_utp": False,
    # uTP is tried before TCP and moved 3.6-7.3 MB/s where TCP moved 500.
    "enable_outgoing_utp": False,
    "anonymous_mode": True,
    "user_agent": f"herd/{__version__}",
    "ssrf_mitigation": True,
    "validate_https_trackers": True,
    "allow_idna": False,
    "no_connect_privileged_ports": True,
    "apply_ip_filter_to_trackers": True,
}
_BOUNDS: dict[str, object] = {
    "max_metadata_size": MOST_METADATA,
    "max_piece_count": MOST_PIECES,
    "max_http_recv_buffer_size": 1 << 20,
    "alert_queue_size": 20_000,
    "connections_limit": 100,
    "max_peerlist_size": 500,
    "max_queued_disk_bytes": MOST_QUEUED,
    "checking_mem_usage": 1024,
    # 32 MiB asked of one peer: a fast one with less to do often waits for the next question.
    "max_out_request_queue": 2000,
    "max_peer_recv_buffer_size": 2 << 20,
    "aio_threads": 4,
    "hashing_threads": min(4, os.cpu_count() or 1),
}
_MANNERS: dict[str, object] = {
    "announce_to_all_tiers": True,
    "announce_to_all_trackers": True,
    "stop_tracker_timeout": 1,
    "unchoke_slots_limit": 4,
    # People behind one router: else the last one that a tracker names is the only one known.
    # A liar may come by many ports then: eight were seen to cost one to four pieces.
    "allow_multiple_connections_per_ip": True,
    # A peer that broke off is tried again soon: the swarm of a model may have only one.
    "min_reconnect_time": 5,
    "mixed_mode_algorithm": 0,
}
_SEAM: dict[str, object] = {
    # Each mouth of a mirror is a web seed of its own.
    "max_web_seed_connections": 16,
    "urlseed_timeout": 20,
    "urlseed_wait_retry": 2,
    "urlseed_pipeline_size": 2,
    "urlseed_max_request_bytes": 16 << 20,
}


@dataclass(frozen=True)
class Sharing:
    """How files are shared."""

    interface: str | None = None
    """The one own address to speak from; None means any."""
    port: int = 0
    """To listen on; 0 lets the system choose."""
    is_lan_only: bool = False
    """Whether only the own networks may ask."""
    dht: bool = False
    """Whether the distributed hash table is told."""
    limit: int | None = None
    """Bytes per second that go out, None for no limit."""


def rate_limit(rate: int | None) -> int:
    """A limit in bytes per second as libtorrent takes it, None for no limit."""
    return min(rate or 0, _FASTEST)


def held_to(rate: int | None) -> dict[str, object]:
    """What holds a session to a limit of what comes, in bytes per second; None: no limit.

    libtorrent shares a limit out at each of its ticks, and lets a peer read once all that was
    asked of it is granted, or after 20 ticks: at its usual half second that is 10 s of silence,
    and then all at once. What was asked for waits in the connection meanwhile, so it is no more
    than comes in a second.
    """
    tick, ahead = (_USUAL_TICK, _USUAL_AHEAD) if rate is None else (_LIMITED_TICK, 1)
    return {
        "download_rate_limit": rate_limit(rate),
        "tick_interval": tick,
        "request_queue_time": ahead,
    }


def sharing(how: Sharing) -> dict[str, object]:
    """The settings of a session that gives files away: only this one lets anybody in.

    Sharing is what the person asked for, so the own network is told of it, too.
    """
    bound: dict[str, object] = {
        "enable_incoming_tcp": True,
        "enable_lsd": True,
        "upload_rate_limit": rate_limit(how.limit),
        "unchoke_slots_limit": 8,
        "send_buffer_watermark": 3 << 20,
        "max_allowed_in_request_queue": 2000,
        "listen_interfaces": (
            f"{how.interface}:{how.port}" if how.interface else everywhere(how.port)
        ),
    }
    return settings(interface=how.interface, dht=how.dht and not how.is_lan_only) | bound


def settings(*, interface: str | None = None, dht: bool = False) -> dict[str, object]:
    """The settings.

    Args:
        interface: The one own address to speak from; None means any.
        dht: Whether the distributed hash table is asked for peers.
    """
    bound: dict[str, object] = {
        "listen_interfaces": f"{interface}:0" if interface else "0.0.0.0:0,[::]:0",
        "outgoing_interfaces": interface or "",
        "enable_dht": dht,
        "dht_bootstrap_nodes": _BOOTSTRAP if dht else "",
    }
    bound["recv_socket_buffer_size"] = receive_buffer()
    return _PRIVATE | _BOUNDS | _MANNERS | _SEAM | bound


def receive_buffer(system: Path = Path("/proc/sys/net")) -> int:
    """What a connection may be asked to hold; 0 leaves it to the system.

    libtorrent takes all that waits in a connection into memory at once, whatever
    `max_peer_recv_buffer_size` says: 3 peers held 240 MB where the system allowed 32 MiB to
    each. Where it allows no more than usual nothing is asked, because it would then not grow.
    """
    try:
        grows_to = int((system / "ipv4/tcp_rmem").read_text().split()[2])
        may_ask = int((system / "core/rmem_max").read_text())
    except (OSError, ValueError, IndexError):
        return 0  # no Linux
    asked = _USUAL_WINDOW // 2  # Linux doubles what it is asked for
    return asked if grows_to > _USUAL_WINDOW and may_ask >= asked else 0
