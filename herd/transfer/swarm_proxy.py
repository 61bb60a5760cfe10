"""The person's proxy as libtorrent is told of it: the same variables that HTTP obeys.

ALL_PROXY goes first, then HTTPS_PROXY and HTTP_PROXY. SOCKS 5 carries everything; an HTTP
proxy carries TCP alone, so the distributed hash table is not asked through one. A swarm
whose trackers are all in NO_PROXY is spoken to directly.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from herd.errors import SourceRefused

_KINDS = {"socks4": 1, "socks5": 2, "socks5h": 2, "http": 4}
"""libtorrent's numbers; one more where a password goes with it."""
_PORTS = {"http": 8080}


def through(trackers: Iterable[str]) -> dict[str, object]:
    """The settings that lead a session through the person's proxy; empty where there is none.

    Raises:
        SourceRefused: the proxy is of a kind that swarms cannot use; nothing goes past it.
    """
    known = getproxies_environment()
    text = known.get("all") or known.get("https") or known.get("http")
    hosts = [urlsplit(each).hostname or "" for each in trackers]
    if not text or (hosts and all(proxy_bypass(each) for each in hosts)):
        return {}
    parts = urlsplit(text if "://" in text else f"http://{text}")
    kind = _KINDS.get(parts.scheme.lower())
    if kind is None or not parts.hostname:
        raise SourceRefused(
            f"a swarm cannot be reached through a proxy of the kind {parts.scheme}",
            "Set ALL_PROXY to a socks5h:// proxy, or name its trackers in NO_PROXY.",
        )
    has_password = bool(parts.username) and parts.scheme.lower() != "socks4"
    settings: dict[str, object] = {
        "proxy_type": kind + 1 if has_password else kind,
        "proxy_hostname": parts.hostname,
        "proxy_port": parts.port or _PORTS.get(parts.scheme.lower(), 1080),
        "proxy_username": unquote(parts.username or ""),
        "proxy_password": unquote(parts.password or ""),
        "proxy_hostnames": True,
        "proxy_peer_connections": True,
        "proxy_tracker_connections": True,
        # Bound to an interface libtorrent would not reach the proxy.
        "outgoing_interfaces": "",
    }
    return settings if kind == _KINDS["socks5"] else settings | {"enable_dht": False}
