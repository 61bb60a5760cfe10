"""The mirrors behind the seam: those that a registry names, and the web seeds of a swarm.

A web seed of a .torrent or a magnet is a stranger's word. It may lead to public addresses, and
to others only where whoever gave it may name such addresses as trackers, too.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from herd.magnet import WEB_SCHEMES, flaw
from herd.model import File, HfSource, MagnetSource, UrlSource
from herd.transfer.mirror import Address, Mirror
from herd.transfer.mirrors import Standing
from herd.transfer.patience import Patience
from herd.transfer.reach import Kind, Reach
from herd.transfer.swarm_reach import kind_of_host, web_reach
from herd.transfer.torrent_contents import Metainfo

CONNECTIONS = 8
"""At once to one mirror."""
MOST_SEEDS = 8
"""Web seeds that are taken from a swarm."""


def mirror_of(
    source: UrlSource | HfSource, patience: Patience, reach: Callable[[str], Reach] = Reach
) -> Standing:
    """A mirror that is named beside the swarm.

    Args:
        source: Where.
        patience: What it is granted.
        reach: How far an address may lead.

    Raises:
        SourceRefused: it is no http(s) address.
    """
    address = Address.of(source)
    mirror = Mirror(address, patience.redirects)
    return Standing(source, mirror, reach(address.url), CONNECTIONS)


def web_seeds(
    metainfo: Metainfo, file: File, allowed: frozenset[Kind], named: tuple[str, ...] = ()
) -> tuple[Standing, ...]:
    """The web seeds that a .torrent names for the wanted file.

    Args:
        metainfo: The .torrent.
        file: What is wanted of it.
        allowed: The kinds of addresses beside public ones that may be named there.
        named: More of them, from a magnet.

    Raises:
        SourceRefused: the file is not in there, or the torrent is a trap.
    """
    path = metainfo.entries[metainfo.entry_of(file)].path
    found = []
    for seed in dict.fromkeys((*named, *metainfo.web_seeds)):
        kind = kind_of_host(_host(seed))
        if flaw(seed, WEB_SCHEMES) is None and (kind is Kind.PUBLIC or kind in allowed):
            source = UrlSource(_url(seed, path, is_folder=metainfo.is_folder))
            mirror = Mirror(Address(source.url))
            one = Standing(source, mirror, web_reach(source.url, allowed), CONNECTIONS)
            found.append(one)
    return tuple(found[:MOST_SEEDS])


def addresses(magnet: MagnetSource) -> tuple[UrlSource, ...]:
    """The web seeds of a magnet as addresses of its one file, before its metadata is known."""
    name = quote(magnet.display_name or "", safe="")
    found = [f"{each}{name}" if each.endswith("/") else each for each in magnet.web_seeds]
    return tuple(UrlSource(each) for each in found if not each.endswith("/"))


def strangers(magnet: MagnetSource, opened: frozenset[Kind]) -> Callable[[str], Reach]:
    """How far an address may lead: one that a magnet names less far than others.

    Args:
        magnet: Its `ws` are what a stranger wrote.
        opened: The kinds of addresses beside public ones that its swarm may reach.
    """
    strange = {each.url for each in addresses(magnet)}
    return lambda url: web_reach(url, opened) if url in strange else Reach(url)


def _url(seed: str, path: str, *, is_folder: bool) -> str:
    """The address of a file below a web seed (BEP 19)."""
    bare, name = seed.rstrip("/"), quote(path.replace("\\", "/"))
    # libtorrent puts a slash behind every seed of a v2 torrent, that of a single file too.
    if not is_folder and (bare == seed or bare.endswith(f"/{name}")):
        return bare
    return f"{bare}/{name}"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
