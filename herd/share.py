"""Sharing: installed files become torrents and are given away straight from the store.

Nothing is copied: a torrent's one file is the blob. What a licence does not allow to be
passed on is refused, and nothing is shared unless a person asks for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from herd import disk, magnet
from herd.disk import writing
from herd.errors import BadUsage, Interrupted, LicenceNotAccepted
from herd.model import (
    HfSource,
    Installed,
    InstalledFile,
    MagnetSource,
    Model,
    Source,
    SwarmState,
    UrlSource,
)
from herd.pieces import Table, TableMaker
from herd.progress import Gauge, Stage
from herd.registry import Registry
from herd.store import Store
from herd.transfer.own_network import own_addresses
from herd.transfer.reach import Kind
from herd.transfer.swarm_reach import kind_of_host
from herd.transfer.swarm_settings import Sharing
from herd.transfer.swarm_watch import Given
from herd.transfer.torrent_make import Around, Made, V1Maker, from_hashes, from_table

_READ = 1024 * 1024


@dataclass(frozen=True)
class Offer:
    """A file of an installed model, and the torrent of it."""

    installed: Installed
    file: InstalledFile
    made: Made
    web_seeds: tuple[str, ...] = ()
    """Mirrors that the .torrent names."""

    @property
    def magnet(self) -> str:
        """What others paste."""
        return magnet.render(self.made.magnet, self.file.size)

    def near(self, peers: tuple[tuple[str, int], ...]) -> str:
        """What neighbours paste: it names this machine, and no tracker beyond the own network."""
        trackers = reached(self.made.magnet.trackers, is_lan_only=True)
        made = replace(self.made.magnet, trackers=trackers, peers=peers[: magnet.MOST_OTHERS])
        return magnet.render(made, self.file.size)


@dataclass(frozen=True)
class Terms:
    """How long a file is shared; without any of these as long as the person likes."""

    ratio: float | None = None
    """Of bytes that went out to bytes of the file."""
    seconds: float | None = None

    def is_met(self, given: Given, size: int, seconds: float) -> bool:
        """Whether enough was given."""
        if self.seconds is not None and seconds >= self.seconds:
            return True
        return self.ratio is not None and given.uploaded >= self.ratio * size


@dataclass(frozen=True)
class Making:
    """How torrents are made, which may take a while for v1."""

    trackers: tuple[str, ...] = ()
    """Beside those that the registry names for the model."""
    is_v2: bool = False
    """v2 (BEP 52) costs nothing to make; v1 is what every client understands."""
    has_web_seeds: bool = False
    """Whether the mirrors of the registry are written in."""
    gauge: Gauge = field(default_factory=Gauge)
    stop: threading.Event = field(default_factory=threading.Event)


class Sharer:
    """Makes offers of what a store has."""

    def __init__(self, store: Store, registry: Callable[[], Registry], kept: Path) -> None:
        """Touches nothing.

        Args:
            store: What is installed.
            registry: What registries say of it: mirrors, trackers, licences.
            kept: A folder for torrents that were made: hashing a file takes a while.
        """
        self._store = store
        self._registry = registry
        self._kept = kept

    def offers(self, installed: Installed, making: Making) -> tuple[Offer, ...]:
        """An offer for each file of a model.

        Raises:
            LicenceNotAccepted: its licence does not allow to pass it on.
            BadUsage: a tracker is no address of one.
            Interrupted: `making.stop` was set.
            CannotWrite: the store does not read.
        """
        model = self._model(installed)
        self._check(installed, model)
        return tuple(self._offer(installed, file, model, making) for file in installed.files)

    def sharable(self) -> tuple[Installed, ...]:
        """Every installed model that may be passed on."""
        return tuple(
            each for each in self._store.installed() if _may_be_passed_on(each, self._model(each))
        )

    def blob(self, offer: Offer) -> Path:
        """Where the file of an offer lies."""
        return self._store.blob(offer.file.sha256)

    def _check(self, installed: Installed, model: Model | None) -> None:
        if not _may_be_passed_on(installed, model):
            raise LicenceNotAccepted(
                f"The licence of {installed.name} ({installed.licence.id}) does not allow to "
                "pass it on.",
                "Nothing was shared.",
            )

    def _model(self, installed: Installed) -> Model | None:
        if installed.registry is None:
            return None
        models = self._registry().models
        return next((each for each in models if each.name == installed.name), None)

    def _offer(
        self, installed: Installed, file: InstalledFile, model: Model | None, making: Making
    ) -> Offer:
        sources = _sources(model, file)
        trackers = dict.fromkeys((*making.trackers, *_trackers(sources)))
        for each in making.trackers:
            if why := magnet.flaw(each, magnet.TRACKER_SCHEMES):
                raise BadUsage(f"{each} is no tracker: it {why}.")
        seeds = _addresses((*sources, *_public(file))) if making.has_web_seeds else ()
        around = Around(tuple(trackers)[: magnet.MOST_TRACKERS], seeds)
        return Offer(installed, file, self._made(file, around, making), seeds)

    def _made(self, file: InstalledFile, around: Around, making: Making) -> Made:
        if making.is_v2:
            return from_table(file.name, self._v2_table(file, making), around)
        return from_hashes(file.name, file.size, self._v1_hashes(file, making), around)

    def _v1_hashes(self, file: InstalledFile, making: Making) -> bytes:
        """The SHA-1 of each piece: from a v1 swarm, from the last time, or from one pass."""
        kept, maker = self._kept / f"{file.sha256}.sha1", V1Maker(file.name, file.size)
        with writing(kept):
            if kept.is_file() and kept.stat().st_size == maker.hashes_size:
                return kept.read_bytes()
            table = self._store.table(file.sha256, file.size)
            if table is not None and table.is_flat and table.piece_size == maker.piece_size:
                return table.hashes
            self._read(file, making, maker.update)
            disk.make_folder(self._kept)
            disk.write_whole(kept, maker.hashes())
        return maker.hashes()

    def _v2_table(self, file: InstalledFile, making: Making) -> Table:
        with writing(self._store.blob(file.sha256)):
            table = self._store.table(file.sha256, file.size)
            if table is not None and not table.is_flat:
                return table
            maker = TableMaker(file.size)
            self._read(file, making, maker.update)
        return maker.table()

    def _read(self, file: InstalledFile, making: Making, take: Callable[[bytes], None]) -> None:
        making.gauge.begin(Stage.VERIFYING, file.size, note=f"hashing {file.name} for a torrent")
        with disk.ordinary(self._store.blob(file.sha256)) as stream:
            while piece := stream.read(_READ):
                if making.stop.is_set():
                    raise Interrupted("Making the torrent was stopped.")
                take(piece)
                making.gauge.advance(len(piece))


class Share:
    """Offers that are given away; a context manager, used by one thread."""

    def __init__(
        self, offers: tuple[Offer, ...], blob: Callable[[Offer], Path], how: Sharing, terms: Terms
    ) -> None:
        """Opens nothing yet.

        Args:
            offers: What to give away.
            blob: Where the file of an offer lies.
            how: To whom and how fast.
            terms: How long.
        """
        self.offers = offers
        self._blob = blob
        self._how = how
        self._terms = terms

    def __enter__(self) -> Self:
        from herd.transfer.torrent_share import SharingSession

        self._session = SharingSession(self._how)
        for offer in self.offers:
            trackers = reached(offer.made.magnet.trackers, is_lan_only=self._how.is_lan_only)
            self._session.add(offer.made.raw, self._blob(offer), trackers)
        self._begun = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @property
    def port(self) -> int:
        """Where peers come in."""
        return self._session.port

    def neighbours(self) -> tuple[tuple[str, int], ...]:
        """Where other machines of the own networks find this one; waits until it listens."""
        own = (self._how.interface,) if self._how.interface else own_addresses()
        port = self._session.listens() if own else 0
        return tuple((each, port) for each in own if port)

    @property
    def trackers(self) -> dict[str, str]:
        """The last word of each tracker, by its address."""
        return self._session.trackers

    def look(self) -> tuple[Given, ...]:
        """What became of each offer, in their order; what was given enough or is damaged ends."""
        given = self._session.look()
        seconds = time.monotonic() - self._begun
        for number, (offer, one) in enumerate(zip(self.offers, given, strict=True)):
            is_met = self._terms.is_met(one, offer.file.size, seconds)
            if not one.is_over and (one.is_damaged or is_met):
                self._session.stop(number)
        return given


def reached(trackers: tuple[str, ...], *, is_lan_only: bool) -> tuple[str, ...]:
    """The trackers that are told; where only the own networks may ask, those in them."""
    if not is_lan_only:
        return trackers
    kinds = {each: kind_of_host(urlsplit(each).hostname or "") for each in trackers}
    return tuple(each for each, kind in kinds.items() if kind is not Kind.PUBLIC)


def _may_be_passed_on(installed: Installed, model: Model | None) -> bool:
    licences = [installed.licence, *([model.licence] if model else [])]
    return all(each.is_redistributable for each in licences)


def _sources(model: Model | None, file: InstalledFile) -> tuple[Source, ...]:
    """Where the registry says that these bytes are."""
    known = (each for variant in (model.variants if model else ()) for each in variant.files)
    return tuple(source for each in known if each.sha256 == file.sha256 for source in each.sources)


def _public(file: InstalledFile) -> tuple[Source, ...]:
    """Where the file came from, if others can have it there, and no secret is told with it."""
    web = [each for each in file.sources if isinstance(each, UrlSource)]
    public = [
        each
        for each in web
        if magnet.flaw(each.url, magnet.WEB_SCHEMES) is None
        and not urlsplit(each.url).query
        and kind_of_host(urlsplit(each.url).hostname or "") is Kind.PUBLIC
    ]
    return (*public, *(each for each in file.sources if isinstance(each, HfSource)))


def _trackers(sources: tuple[Source, ...]) -> tuple[str, ...]:
    swarms = [each for each in sources if isinstance(each, MagnetSource)]
    live = [each for each in swarms if each.state is SwarmState.LIVE]
    return tuple(tracker for each in live for tracker in each.trackers)


def _addresses(sources: tuple[Source, ...]) -> tuple[str, ...]:
    urls = [each.url for each in sources if isinstance(each, UrlSource)]
    hub = [each.url() for each in sources if isinstance(each, HfSource)]
    return tuple(dict.fromkeys((*urls, *hub)))
