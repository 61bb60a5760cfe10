"""The torrent carrier: a file out of a swarm, by magnet or .torrent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from herd.errors import HerdError, SourceFailed, SourceRefused
from herd.model import HfSource, MagnetSource, Source, SwarmState, TorrentSource, UrlSource
from herd.places import expanded
from herd.transfer import torrent
from herd.transfer.carrier import Carrier, Delivery, EachFailed, Wish
from herd.transfer.mirrors import Standing
from herd.transfer.own_network import everywhere
from herd.transfer.patience import Patience
from herd.transfer.reach import Kind, Reach
from herd.transfer.seam import Seam
from herd.transfer.seam_mirrors import addresses, mirror_of, strangers, web_seeds
from herd.transfer.swarm_exact import Exact
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_proxy import through
from herd.transfer.swarm_reach import allowed_by, is_web, reach, web_reach
from herd.transfer.swarm_settings import settings
from herd.transfer.swarm_terms import Terms
from herd.transfer.swarm_watch import SwarmPatience
from herd.transfer.torrent import MOST_BYTES, completed, read
from herd.transfer.torrent_contents import Metainfo
from herd.transfer.torrent_fetch import TorrentFetch
from herd.transfer.torrent_session import NativeSession


class TorrentCarrier:
    """Brings files from swarms, and from their mirrors together with them."""

    def __init__(
        self,
        patience: SwarmPatience | None = None,
        *,
        dht: bool = True,
        lan: bool = False,
        upload: int = 0,
        interface: str | None = None,
        mirror_patience: Patience | None = None,
    ) -> None:
        """Touches nothing.

        Args:
            patience: How long to wait for what.
            dht: Whether magnets may be asked of the distributed hash table. A swarm
                whose trackers are all local is never asked of it.
            lan: Whether peers are looked for on the own network (BEP 14), which opens it.
            upload: Bytes per second that other peers may have; 0: no limit.
            interface: The one own IP address to speak from; None means any.
            mirror_patience: What a mirror is granted.
        """
        self._patience = patience or SwarmPatience()
        self._dht = dht
        self._lan = lan
        self._upload = upload
        self._interface = interface
        self._mirror_patience = mirror_patience

    def fetch(self, wish: Wish) -> Delivery:
        """Bring the file, going on from what is staged. As Carrier.fetch.

        The other sources of the wish are mirrors: they feed the swarm through the seam, and
        what the swarm cannot use of them is asked by itself in the end. So are the web seeds of
        a magnet, but where no digest judges them they are not asked beside the swarm.
        """
        strange = addresses(wish.source) if isinstance(wish.source, MagnetSource) else ()
        if wish.file.sha256 is not None:
            wish = replace(wish, others=tuple(dict.fromkeys((*wish.others, *strange))))
        seeds: list[Standing] = []
        try:
            return self._from_swarm(wish, seeds)
        except SourceFailed as failure:
            failed = failure.each if isinstance(failure, EachFailed) else ((wish.source, failure),)
        named = (*wish.others, *strange)
        whole = [one for one in seeds if one.is_single and one.source not in named]
        far = {one.key: one.reach for one in whole if wish.file.sha256 is not None}
        known = dict.fromkeys((*named, *map(UrlSource, far)))
        left = tuple(each for each in known if each not in [source for source, _ in failed])
        if not left:
            raise failed_together(failed)
        wish.gauge.note(failed[0][1].message.rstrip("."))
        try:
            near = _reach_of(wish.source)
            http = self._http(lambda url: far.get(url) or near(url))
            delivery = http.fetch(replace(wish, source=left[0], others=left[1:]))
        except SourceFailed as failure:
            more = failure.each if isinstance(failure, EachFailed) else ((left[0], failure),)
            raise EachFailed((*failed, *more)) from failure
        # A swarm that this machine cannot ask at all has done nothing wrong.
        told = failed if torrent.lt is not None else ()
        return replace(delivery, failed=(*told, *delivery.failed))

    def _from_swarm(self, wish: Wish, seeds: list[Standing]) -> Delivery:
        """Bring it from the swarm; the web seeds that the torrent names are added to `seeds`."""
        torrent.require()
        folder = SwarmFolder(wish.staged)
        mirrors = [source for source in wish.others if isinstance(source, UrlSource | HfSource)]
        magnet = wish.source if isinstance(wish.source, MagnetSource) else MagnetSource()
        match wish.source:
            case MagnetSource():
                _require_hash(magnet)
                found = reach(magnet.trackers, peers=magnet.peers)
                start = _saved(folder, magnet) or magnet
            case TorrentSource(location):
                start = read(self._bring(location, wish.stop))
                found = reach(start.trackers, allowed_by(location))
                seeds += web_seeds(start, wish.file, allowed_by(location))
                if not (start.trackers or start.web_seeds or mirrors or self._lan):
                    raise _leads_nowhere()
            case _:
                raise TypeError(wish.source)
        patience = self._mirror_patience or Patience()
        far = _reach_of(wish.source)
        named = [mirror_of(each, patience, far) for each in mirrors]
        standings, opened = (*named, *seeds), found.opened
        proxy = through(found.trackers)
        # Through a proxy libtorrent could not reach the seam: mirrors come after the swarm.
        may_be_fed = not proxy and bool(standings or magnet.web_seeds or magnet.torrents)
        dht = self._dht and isinstance(wish.source, MagnetSource) and not found.is_local
        chosen = self._settings(dht=dht) | proxy
        if self._lan:
            found = replace(found, opened=found.opened | {Kind.PRIVATE})

        def more(metainfo: Metainfo) -> tuple[Standing, ...]:
            found = web_seeds(metainfo, wish.file, opened, magnet.web_seeds)
            seeds.extend(found)
            return found

        terms = Terms(
            open=lambda to: NativeSession(chosen, to),
            read=read,
            completed=completed,
            reach=found,
            patience=self._patience,
            http=self._http(far) if mirrors else None,
            seam=(lambda size: Seam(size, standings, patience, wish.stop)) if may_be_fed else None,
            seeds=more,
            exact=(lambda: _exact(magnet, opened)) if magnet.torrents else None,
            peers=frozenset(magnet.peers),
        )
        return TorrentFetch(wish, folder, terms).run(start)

    def _settings(self, *, dht: bool) -> dict[str, object]:
        chosen = settings(interface=self._interface, dht=dht)
        chosen["upload_rate_limit"] = self._upload
        if self._lan:
            # Nobody answers an announcement (BEP 14): whoever has the file comes by itself.
            chosen |= {"enable_lsd": True, "enable_incoming_tcp": True}
            if self._interface is None:
                chosen["listen_interfaces"] = everywhere()
        return chosen

    def _http(self, far: Callable[[str], Reach]) -> Carrier:
        from herd.transfer.download import HttpCarrier

        return HttpCarrier(self._mirror_patience, reach=far)

    def _bring(self, location: str, stop: threading.Event) -> bytes:
        if is_web(location):
            return _get_small(location, stop)
        try:
            with expanded(location).open("rb") as stream:
                return stream.read(MOST_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SourceRefused(f"{location} cannot be read: {reason.lower()}") from error


def failed_together(each: tuple[tuple[Source, HerdError], ...]) -> HerdError:
    """What to raise when these sources failed, each in its own way."""
    return each[0][1] if len(each) == 1 else EachFailed(each)


def _saved(folder: SwarmFolder, magnet: MagnetSource) -> Metainfo | None:
    """The metadata that an earlier try got, if it is this magnet's."""
    raw = folder.saved_metainfo(MOST_BYTES)
    try:
        metainfo = read(raw) if raw else None
    except SourceRefused:
        return None
    return metainfo if metainfo and metainfo.is_of(magnet) else None


def _leads_nowhere() -> SourceRefused:
    return SourceRefused(
        "the .torrent names neither a tracker nor a mirror, and herd looks into the DHT for "
        "magnets alone",
        "Install its magnet instead; what is shared on your own network is found after "
        "`herd config lan true`.",
    )


def _require_hash(magnet: MagnetSource) -> None:
    if magnet.state is SwarmState.REVOKED:
        raise SourceRefused(f"it was withdrawn: {magnet.note or 'nobody says why'}")
    if magnet.v1 is None and magnet.v2 is None:
        raise SourceRefused("the magnet names no torrent")


def _reach_of(source: Source) -> Callable[[str], Reach]:
    """How far the addresses may lead that are asked beside a swarm."""
    if not isinstance(source, MagnetSource):
        return Reach
    return strangers(source, reach(source.trackers, peers=source.peers).opened)


def _exact(magnet: MagnetSource, opened: frozenset[Kind]) -> Exact:
    return Exact(
        magnet.torrents,
        lambda url, stop: _get_small(url, stop, web_reach(url, opened)),
        lambda raw: read(raw).is_of(magnet),
    )


def _get_small(url: str, stop: threading.Event, far: Reach | None = None) -> bytes:
    from herd.transfer.small_files import read_small

    return read_small(url, most=MOST_BYTES, stop=stop, reach=far)
