"""How far a swarm may reach: which trackers are asked, and which addresses nobody may have.

Trackers and peers are strangers that name addresses to connect to. This machine and
private networks are closed to them, unless a tracker or a peer that the person (or a registry
they chose) named lies there itself: then the swarm is one of their own network. An http(s)
address there still has no query, as of those that make a router or a printer do something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from herd.magnet import MOST_TRACKERS, TRACKER_SCHEMES, flaw
from herd.transfer.reach import Kind, Reach, as_number, kind_of

_LOCAL_ENDINGS = (".local", ".lan", ".internal", ".home.arpa")

_RANGES = {
    Kind.LOOPBACK: ("127.0.0.0/8", "::1/128"),
    Kind.PRIVATE: (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
    ),
    Kind.LINK_LOCAL: ("169.254.0.0/16", "fe80::/10"),
    Kind.OTHER: (
        "0.0.0.0/8",
        "192.0.0.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/128",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "ff00::/8",
    ),
}
_OPENABLE = (Kind.LOOPBACK, Kind.PRIVATE)


@dataclass(frozen=True)
class Range:
    """Addresses from the first to the last, both included."""

    first: str
    last: str


@dataclass(frozen=True)
class SwarmReach:
    """The trackers to ask, and the kinds of addresses that are open beside public ones."""

    trackers: tuple[str, ...] = ()
    opened: frozenset[Kind] = frozenset()
    seam: str | None = None
    """The one loopback address at which herd's own seam listens."""
    barred: tuple[str, ...] = ()
    """Addresses that may not come."""

    @property
    def is_local(self) -> bool:
        """Whether the swarm lives on this machine or in a private network alone."""
        return bool(self.trackers) and all(
            kind_of_host(urlsplit(each).hostname or "") is not Kind.PUBLIC for each in self.trackers
        )

    @property
    def closed(self) -> tuple[Range, ...]:
        """The addresses that neither a tracker nor a peer may have."""
        barred = tuple(Range(host, host) for host in self.barred)
        return barred + tuple(
            Range(str(network[0]), str(network[-1]))
            for kind, networks in _RANGES.items()
            if kind not in self.opened
            for network in map(ip_network, networks)
        )


def near() -> tuple[Range, ...]:
    """The addresses of this machine and of networks that are nobody else's."""
    return tuple(
        Range(str(network[0]), str(network[-1]))
        for kind in (Kind.LOOPBACK, Kind.PRIVATE, Kind.LINK_LOCAL)
        for network in map(ip_network, _RANGES[kind])
    )


def is_near(address: str) -> bool:
    """Whether an IP address is one of a private network, as neighbours have (RFC 1918, 4193)."""
    ip = ip_address(address)
    return any(ip in ip_network(each) for each in _RANGES[Kind.PRIVATE])


def reach(
    trackers: Iterable[str],
    allowed: frozenset[Kind] = frozenset(_OPENABLE),
    peers: Iterable[tuple[str, int]] = (),
) -> SwarmReach:
    """What a swarm with these trackers may reach.

    Args:
        trackers: As somebody wrote them.
        allowed: The kinds of addresses beside public ones that whoever wrote them may name.
        peers: IP addresses and ports of members, as they wrote them.
    """
    kept = [each for each in dict.fromkeys(trackers) if flaw(each, TRACKER_SCHEMES) is None]
    kinds = {each: kind_of_host(urlsplit(each).hostname or "") for each in kept}
    admitted = [each for each, kind in kinds.items() if kind is Kind.PUBLIC or kind in allowed][
        :MOST_TRACKERS
    ]
    named = {kinds[each] for each in admitted} | ({kind_of(host) for host, _ in peers} & allowed)
    opened = frozenset(named & set(_OPENABLE))
    return SwarmReach(tuple(admitted), opened)


def allowed_by(location: str) -> frozenset[Kind]:
    """What a .torrent from there may name: a file of this machine anything, a server its kind."""
    if not is_web(location):
        return frozenset(_OPENABLE)
    return frozenset({kind_of_host(urlsplit(location).hostname or "")})


def is_web(location: str) -> bool:
    """Whether it is an http(s) address."""
    return location.lower().startswith(("http://", "https://"))


def web_reach(url: str, allowed: frozenset[Kind]) -> Reach:
    """How far an http(s) address may lead that came with a swarm.

    Args:
        url: The address.
        allowed: The kinds of addresses beside public ones that may be named there.
    """
    return Reach(url, allowed=frozenset() if urlsplit(url).query else allowed)


def kind_of_host(host: str) -> Kind:
    """The kind of a host as far as it can be told without asking a name server."""
    number = as_number(host)
    return kind_of(number) if number else _kind_of_name(host.lower().rstrip("."))


def _kind_of_name(name: str) -> Kind:
    if name == "localhost" or name.endswith(".localhost"):
        return Kind.LOOPBACK
    if "." not in name or name.endswith(_LOCAL_ENDINGS):
        return Kind.PRIVATE
    return Kind.PUBLIC
