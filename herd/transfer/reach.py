"""Which addresses a configured URL may lead to.

A redirect is a stranger's word. It may lead to any public address, and to another
kind of address (this machine, a private network, link-local with its cloud metadata)
only where the configured URL itself points to that kind. The addresses that were
vetted are the ones connected to, so a name that changes its mind in between (DNS
rebinding) gains nothing.

What this cannot see: behind a proxy the proxy resolves names, so only addresses that
are written as numbers, and `localhost`, are refused there.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

from herd.errors import SourceFailed, SourceRefused


class Kind(StrEnum):
    """Where an address lies; the words are shown as they are."""

    PUBLIC = "the public internet"
    LOOPBACK = "this machine"
    PRIVATE = "a private network"
    LINK_LOCAL = "the local link"
    OTHER = "no place for files"


IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def kind_of(address: str) -> Kind:
    """The kind of an IP address; IPv4 inside IPv6 is judged by what is inside."""
    ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if ip.is_loopback:
        return Kind.LOOPBACK
    if ip.is_link_local:
        return Kind.LINK_LOCAL
    if ip.is_multicast or ip.is_unspecified:
        return Kind.OTHER
    # Carrier-grade NAT (100.64.0.0/10) is neither private nor global to `ipaddress`.
    return Kind.PUBLIC if ip.is_global else Kind.PRIVATE


def as_number(host: str) -> str | None:
    """The IP address that a host is written as, None where it is a name.

    As a resolver reads it: 127.1, 0x7f000001 and 2130706433 are 127.0.0.1.
    """
    bare = host.partition("%")[0].rstrip(".")
    with suppress(ValueError):
        return str(ipaddress.ip_address(bare))
    with suppress(OSError):
        return socket.inet_ntoa(socket.inet_aton(bare))
    return None


def _unwrapped(ip: IPAddress) -> IPAddress:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


@dataclass(frozen=True)
class Endpoint:
    """One address that a name resolved to."""

    family: int
    address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
    """As the system gives it; `(int, bytes)` only in the types of the standard library."""

    @property
    def ip(self) -> str:
        """The IP address alone."""
        return str(self.address[0])


Resolve = Callable[[str, int], tuple[Endpoint, ...]]


def resolve(host: str, port: int) -> tuple[Endpoint, ...]:
    """Ask the system for the addresses of a name.

    Raises:
        SourceFailed: the name has none now; a network that is down says the same.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceFailed(f"the address of {host} was not found") from error
    return tuple(
        Endpoint(family, address)
        for family, _, _, _, address in found
        if isinstance(address[0], str)
    )


class Reach:
    """The addresses that one configured URL may lead to."""

    def __init__(
        self,
        url: str,
        *,
        kind: Callable[[str], Kind] = kind_of,
        resolve: Resolve = resolve,
        allowed: frozenset[Kind] | None = None,
    ) -> None:
        """Asks nothing yet.

        Args:
            url: As configured.
            kind: The kind of an IP address.
            resolve: The addresses of a name.
            allowed: The kinds beside public ones that it may lead to; None: its own.
        """
        # An address that a stranger wrote leads no farther than its redirects do.
        self._home = _host(url) if allowed is None else None
        self._how = "the redirect to " if self._home else ""
        self._kind = kind
        self._resolve = resolve
        self._allowed = {Kind.PUBLIC, *(allowed or ())}
        if self._home and (written := self._written(self._home)):
            self._allowed.add(written)

    def addresses(self, host: str, port: int, *, is_proxy: bool = False) -> tuple[Endpoint, ...]:
        """The addresses of a host that may be connected to; any, for the person's own proxy.

        Raises:
            SourceFailed: the name does not resolve.
            SourceRefused: it leads where the configured URL does not.
        """
        found = self._resolve(host, port)
        if is_proxy:
            return found
        if host.lower() == self._home:
            self._allowed |= {self._kind(each.ip) for each in found}
            return found
        good = tuple(each for each in found if self._kind(each.ip) in self._allowed)
        if found and not good:
            raise _forbidden(host, self._kind(found[0].ip), self._how)
        return good

    def check_written(self, url: str) -> None:
        """Refuse a URL by its text alone; all that can be done behind a proxy.

        Raises:
            SourceRefused: the host is a number, or localhost, of a kind that is not allowed.
        """
        host = _host(url)
        kind = self._written(host)
        if host != self._home and kind is not None and kind not in self._allowed:
            raise _forbidden(host, kind, self._how)

    def _written(self, host: str) -> Kind | None:
        name = host.rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            return Kind.LOOPBACK
        number = as_number(host)
        return self._kind(number) if number else None


def checked(url: str) -> str:
    """The same URL, if it is one that can be asked.

    Raises:
        SourceRefused: it is no http(s) address.
    """
    try:
        parts = urlsplit(url)
        reads = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        reads = False
    if not reads:
        raise SourceRefused(f"{url} is not an address that herd can ask")
    return url


def follow(url: str, location: str) -> str:
    """The URL that a redirect leads to.

    Raises:
        SourceRefused: it is no http(s) address, or less protected than where it came from.
    """
    try:
        target = urljoin(url, location.strip())
        parts = urlsplit(target)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SourceRefused(f"{_host(url)} redirects to an address that does not read") from error
    if parts.scheme not in ("http", "https") or not host:
        raise SourceRefused(
            f"{_host(url)} redirects to a {parts.scheme or 'nameless'} address, "
            "which herd does not follow"
        )
    if urlsplit(url).scheme == "https" and parts.scheme == "http":
        raise SourceRefused(f"{_host(url)} redirects from https to http ({host})")
    return target


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a credential belongs to (RFC 6454)."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _forbidden(host: str, kind: Kind, how: str) -> SourceRefused:
    return SourceRefused(
        f"{how}{host} leads into {kind}, which herd does not follow",
        "Name that address yourself if it is what you want.",
    )
