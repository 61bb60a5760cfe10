"""Where this machine is found by its neighbours; nobody is asked and nothing is sent."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address

from herd.transfer.swarm_reach import is_near

_BEYOND = ("192.0.2.1", "10.255.255.254", "172.31.255.254", "192.168.255.254", "2001:db8::1")
"""Addresses behind the routes that a machine has: the documentation's (RFC 5737, RFC 3849), which
only the default route leads to, and one of each private network."""
_PORT = 9


def own_addresses(beyond: Iterable[str] = _BEYOND) -> tuple[str, ...]:
    """The addresses of this machine in networks that are nobody else's; none where it has none.

    Args:
        beyond: Addresses that a datagram would be sent to: each route has an own address.
    """
    found: dict[str, None] = {}
    for each in beyond:
        family = socket.AF_INET6 if ip_address(each).version == 6 else socket.AF_INET
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((each, _PORT))  # of a datagram it only chooses the route
            found[asked.getsockname()[0]] = None
    return tuple(each for each in found if is_near(each))


def everywhere(port: int = 0) -> str:
    """All addresses of this machine with one port, as libtorrent's `listen_interfaces`.

    Left to choose, libtorrent takes another port for each address, and tells neighbours (BEP 14)
    only the first one: that of the loopback address.

    Args:
        port: 0 for one that is free.
    """
    if not port:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        with (
            suppress(OSError),
            socket.create_server(("", 0), family=family, dualstack_ipv6=dual) as free,
        ):
            port = free.getsockname()[1]
    return f"0.0.0.0:{port},[::]:{port}"
