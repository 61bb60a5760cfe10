"""The mirrors behind the seam: those that a registry names, and the web seeds of a .torrent.

A web seed is a stranger's word. It may lead to public addresses, and to others only where
whoever gave the .torrent may name such addresses as trackers, too.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from herd.errors import SourceRefused
from herd.magnet import flaw
from herd.model import File, HfSource, UrlSource
from herd.transfer.mirror import Address, Mirror
from herd.transfer.patience import Patience
from herd.transfer.reach import Endpoint, Kind, Reach, kind_of, resolve
from herd.transfer.standing import Standing
from herd.transfer.swarm_reach import kind_of_host
from herd.transfer.torrent_contents import Metainfo

CONNECTIONS = 8
"""At once to one mirror."""
MOST_SEEDS = 8
"""Web seeds that are taken from a .torrent."""


def mirror_of(source: UrlSource | HfSource, patience: Patience) -> Standing:
    """A mirror that the person or a registry named.

    Raises:
        SourceRefused: it is no http(s) address.
    """
    address = Address.of(source)
    mirror = Mirror(address, patience.redirects)
    return Standing(source, mirror, Reach(address.url), CONNECTIONS)


def web_seeds(metainfo: Metainfo, file: File, allowed: frozenset[Kind]) -> tuple[Standing, ...]:
    """The web seeds that a .torrent names for the wanted file.

    Args:
        metainfo: The .torrent.
        file: What is wanted of it.
        allowed: The kinds of addresses beside public ones that may be named there.

    Raises:
        SourceRefused: the file is not in there, or the torrent is a trap.
    """
    path = metainfo.entries[metainfo.entry_of(file)].path
    found = []
    for seed in dict.fromkeys(metainfo.web_seeds):
        kind = kind_of_host(_host(seed))
        if flaw(seed, ("http", "https")) is None and (kind is Kind.PUBLIC or kind in allowed):
            source = UrlSource(_url(seed, path, is_folder=metainfo.is_folder))
            mirror = Mirror(Address(source.url))
            one = Standing(source, mirror, _reach(source.url, allowed), CONNECTIONS)
            found.append(one)
    return tuple(found[:MOST_SEEDS])


def _url(seed: str, path: str, *, is_folder: bool) -> str:
    """The address of a file below a web seed (BEP 19)."""
    bare, name = seed.rstrip("/"), quote(path.replace("\\", "/"))
    # libtorrent puts a slash behind every seed of a v2 torrent, that of a single file too.
    if not is_folder and (bare == seed or bare.endswith(f"/{name}")):
        return bare
    return f"{bare}/{name}"


def _reach(url: str, allowed: frozenset[Kind]) -> Reach:
    def vetted(host: str, port: int) -> tuple[Endpoint, ...]:
        found = resolve(host, port)
        good = tuple(each for each in found if kind_of(each.ip) in allowed | {Kind.PUBLIC})
        if not good:
            raise SourceRefused(f"{host} lies where a web seed may not lead")
        return good

    return Reach(url, resolve=vetted)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
