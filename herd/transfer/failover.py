"""One file from many sources: any of them may deliver, the digest decides."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import urlsplit

from herd.errors import DigestMismatch, HerdError, NoSourceDelivered, SourceFailed, SourceRefused
from herd.model import (
    File,
    HfSource,
    MagnetSource,
    PathSource,
    PypiSource,
    Source,
    SwarmState,
    TorrentSource,
    UrlSource,
)
from herd.progress import Gauge
from herd.staging import discard
from herd.transfer.budget import Budget
from herd.transfer.carrier import (
    Carrier,
    Delivery,
    EachFailed,
    Mismatch,
    Resting,
    Share,
    Staged,
    Wish,
)
from herd.transfer.part import check, writing
from herd.words import count, size


@dataclass(frozen=True)
class Fetched:
    """A delivered file and who delivered it."""

    delivery: Delivery
    source: Source
    """The first of those that gave it."""
    seconds: float = 0.0
    """How long it took."""
    failed: tuple[tuple[Source, HerdError], ...] = ()
    """Sources that were asked and did not deliver, in the order in which they were asked."""

    @property
    def troubles(self) -> tuple[tuple[Source, str], ...]:
        """Each source that did not deliver or gave wrong bytes, and a phrase that says so."""
        liars = self.delivery.liars
        failed = [(source, why) for source, why in self.failed if source not in liars]
        said = [(source, why.message.rstrip(".")) for source, why in failed]
        return (*said, *[(source, "gave wrong bytes") for source in liars])

    @property
    def shares(self) -> tuple[Share, ...]:
        """What each source gave of it, the largest share first."""
        shares = self.delivery.shares or (Share(self.source, self.delivery.size),)
        return tuple(sorted(shares, key=lambda share: -share.size))


class Transfer:
    """Brings files from whatever source delivers."""

    def __init__(
        self,
        carriers: Mapping[type, Carrier] | None = None,
        *,
        dht: bool = True,
        lan: bool = False,
        upload: int = 0,
        connections: int = 8,
    ) -> None:
        """A carrier is made when its first source comes.

        Args:
            carriers: By type of source; they go before herd's own.
            dht: Whether magnets may be asked of the distributed hash table.
            lan: Whether peers are looked for on the own network.
            upload: Bytes per second that peers of a swarm may have meanwhile; 0: no limit.
            connections: To one host over HTTP, and for one file.
        """
        self._connections = connections
        self._carriers: dict[type, Carrier] = dict(carriers or {})
        self._dht, self._lan, self._upload = dht, lan, upload

    def fetch(
        self,
        file: File,
        staged: Staged,
        gauge: Gauge,
        stop: threading.Event,
        budget: Budget | None = None,
        doubted: Collection[Source] = (),
        *,
        only_parts: bool = False,
    ) -> Fetched:
        """Bring a file into `staged.part`, asking its sources in their order.

        Addresses that follow one another are one source with many mouths, and where there
        is a swarm they all feed it; but for sources that are doubted: they are asked when no
        other one delivered. Addresses that can only be waited for wait while others are asked.
        With `only_parts` an address that gives nothing but the whole file
        is of no use.

        Raises:
            NoSourceDelivered: every source failed; what is staged is kept. It is SourceRefused
                where asking again will not mend that.
            DigestMismatch: what came is not what was promised; nothing is staged.
            NoRoom, CannotWrite, Interrupted: what is staged is kept.
        """
        tried, begun = _Tried(file), time.monotonic()
        left = deque((sources, True) for sources in _grouped(file.sources, doubted))
        while left:
            check(stop)
            sources, is_new = left.popleft()
            first = sources[0]
            if isinstance(first, MagnetSource) and first.state is SwarmState.REVOKED:
                gauge.note(f"{describe(first)} was withdrawn")
                tried.withdrawn.append((first, SourceRefused("it was withdrawn")))
                continue
            wish = Wish(
                file,
                first,
                staged,
                gauge,
                stop,
                sources[1:],
                budget or Budget(),
                only_parts=only_parts,
                is_pressed=is_new and bool(left),
            )
            try:
                delivery = self._fetch(wish)
            except (SourceFailed, DigestMismatch) as failure:
                if isinstance(failure, Resting):
                    left.append((sources, False))  # patiently, when nobody else delivered
                else:
                    tried.add(sources, failure)
                names = ", ".join(dict.fromkeys(describe(each) for each in sources))
                gauge.note(f"{names}: {failure.message.rstrip('.')}")
                continue
            shares = delivery.shares
            given_by = max(shares, key=lambda share: share.size).source if shares else first
            failed = (*tried.answered, *delivery.failed)
            return Fetched(delivery, given_by, time.monotonic() - begun, failed)
        raise tried.trouble()

    def _fetch(self, wish: Wish) -> Delivery:
        """Ask one source; once more from nothing, where a mismatch may be another one's fault."""
        had_bytes = _size(wish.staged) > 0
        try:
            return self._proved(wish)
        except DigestMismatch as error:
            if isinstance(error, Mismatch) and error.agreed > 1:
                _keep(wish.staged, error)
            discard(wish.staged)
            if not had_bytes or (isinstance(error, Mismatch) and error.is_final):
                raise
        wish.gauge.note("what an earlier try left was damaged; from the beginning")
        try:
            return self._proved(wish)
        except DigestMismatch:
            discard(wish.staged)
            raise

    def _proved(self, wish: Wish) -> Delivery:
        delivery = self._carrier(wish.source).fetch(wish)
        _prove(wish, delivery)
        return delivery

    def _carrier(self, source: Source) -> Carrier:
        kind = type(source)
        if kind not in self._carriers:
            made = self._make(source)
            # One carrier for both, so that both count the connections to one host.
            kinds = (UrlSource, HfSource) if kind in (UrlSource, HfSource) else (kind,)
            self._carriers = {**dict.fromkeys(kinds, made), **self._carriers}
        return self._carriers[kind]

    def _make(self, source: Source) -> Carrier:
        """A carrier of herd's own; each drags its world in only when it is needed."""
        match source:
            case UrlSource() | HfSource():
                from herd.transfer.download import HttpCarrier

                return HttpCarrier(workers=self._connections)
            case PypiSource():
                from herd.transfer.wheel import WheelCarrier

                return WheelCarrier()
            case MagnetSource() | TorrentSource():
                from herd.transfer.swarm import TorrentCarrier

                return TorrentCarrier(dht=self._dht, lan=self._lan, upload=self._upload)
            case PathSource():
                from herd.transfer.local import PathCarrier

                return PathCarrier()


@dataclass
class _Tried:
    """What every source answered, and the one sentence that follows from it."""

    file: File
    answered: list[tuple[Source, HerdError]] = field(default_factory=list)
    """Those that were asked."""
    withdrawn: list[tuple[Source, HerdError]] = field(default_factory=list)
    """Those that are never asked."""

    @property
    def failures(self) -> list[tuple[Source, HerdError]]:
        """All of them, in the order of the registry; a carrier may name a source its own way."""
        order = {source: at for at, source in enumerate(self.file.sources)}
        every = [*self.answered, *self.withdrawn]
        return sorted(every, key=lambda each: order.get(each[0], len(order)))

    def add(self, sources: tuple[Source, ...], failure: HerdError) -> None:
        """A group of sources failed, each in its own way or all in one."""
        if isinstance(failure, EachFailed):
            self.answered += failure.each
        else:
            self.answered.append((sources[0], failure))

    def trouble(self) -> HerdError:
        wrong = [each for _, each in self.failures if isinstance(each, Mismatch)]
        others = [each.got for each in wrong]
        agreed = sum(each.agreed for each in wrong)
        if agreed >= 2 and len(set(others)) == 1:
            return DigestMismatch(
                f"{count(agreed, 'source')} of {self.file.name} agree on a file with "
                f"another digest ({others[0][:12]}…): the registry's digest is probably wrong.",
                "Nothing was installed; tell whoever keeps the registry."
                + "".join(f" The file is kept as {each.kept}." for each in wrong if each.kept),
            )
        kinds = {isinstance(each, DigestMismatch) for _, each in self.failures}
        if kinds == {True}:
            return DigestMismatch(
                f"{self._each()}.", "Nothing was installed; try again later or another source."
            )
        kind = SourceRefused if self._is_refused else NoSourceDelivered
        return kind(f"{self._each()}.", self._hint())

    @property
    def _is_refused(self) -> bool:
        return all(isinstance(failure, SourceRefused) for _, failure in self.failures)

    def _each(self) -> str:
        reasons = [_reason(describe(source), failure) for source, failure in self.failures]
        name = self.file.name
        if not reasons:
            return f"{name} has no source"
        if len(reasons) == 1:
            return f"{name} did not come: {reasons[0]}"
        return f"{name} came from none of its {len(reasons)} sources: {'; '.join(reasons)}"

    def _hint(self) -> str:
        hints = [failure.hint for _, failure in self.failures if failure.hint]
        if len(self.failures) == 1 and hints:
            return hints[0]
        if self._is_refused:
            return hints[0] if hints else "Name another source: an address, a magnet or a path."
        return "Run the same command again to go on; what was fetched is kept."


def _reason(place: str, failure: HerdError) -> str:
    """What a source did wrong; its name is said once."""
    message = failure.message.rstrip(".")
    return message if place in message else f"{place}: {message}"


def _grouped(
    sources: tuple[Source, ...], doubted: Collection[Source]
) -> Iterator[tuple[Source, ...]]:
    """The sources in their order, doubted ones last: a swarm and all addresses together."""
    last = sorted(sources, key=lambda each: each in doubted)
    good = [each for each in last if each not in doubted]
    swarm = next((each for each in good if _is_swarm(each)), None)
    addresses = [each for each in good if isinstance(each, UrlSource | HfSource)]
    if swarm is None or not addresses:
        yield from _in_rows(last, doubted)
        return
    together = (swarm, *addresses)
    first = next(at for at, each in enumerate(last) if each in together)
    yield from _in_rows(last[:first], doubted)
    yield together
    yield from _in_rows([each for each in last[first:] if each not in together], doubted)


def _in_rows(sources: list[Source], doubted: Collection[Source]) -> Iterator[tuple[Source, ...]]:
    """Addresses that follow one another together, but those that are doubted apart."""
    kinds = groupby(sources, lambda each: (isinstance(each, UrlSource | HfSource), each in doubted))
    for (is_address, _), group in kinds:
        together = tuple(group)
        yield from (together,) if is_address else ((each,) for each in together)


def _is_swarm(source: Source) -> bool:
    if isinstance(source, MagnetSource):
        return source.state is not SwarmState.REVOKED
    return isinstance(source, TorrentSource)


def describe(source: Source) -> str:
    """A source in a few words, for people."""
    match source:
        case UrlSource(url):
            return urlsplit(url).hostname or url
        case HfSource(repo):
            return f"huggingface.co/{repo}"
        case PypiSource(requirement):
            return f"package index: {requirement.replace('==', ' ')}"
        case MagnetSource():
            return f"magnet {(source.v1 or source.v2 or '?')[:8]}…"
        case TorrentSource(location):
            path = location.partition("?")[0]  # a tracker's key may follow
            return f"torrent {path.rpartition('/')[2]}"
        case PathSource(path):
            return path.rpartition("/")[2] or path


def _prove(wish: Wish, delivery: Delivery) -> None:
    """Compare a delivery with what was promised.

    Raises:
        DigestMismatch: it is another file.
        SourceRefused: nothing was promised, and it is no model at all.
    """
    file = wish.file
    if file.sha256 is None and file.name.lower().endswith(".gguf"):
        _require_gguf(wish)
    if file.size is not None and delivery.size != file.size:
        raise Mismatch(
            f"{size(delivery.size)} came instead of {size(file.size)}", got=delivery.sha256
        )
    if file.sha256 is not None and delivery.sha256 != file.sha256:
        raise Mismatch(
            f"the bytes have the digest {delivery.sha256[:12]}… "
            f"and {file.sha256[:12]}… was promised",
            got=delivery.sha256,
        )


def _keep(staged: Staged, error: Mismatch) -> None:
    """What several sources gave alike may be right, and is gigabytes: out of the way with it."""
    kept = staged.part.with_name(f"{error.got}.bad")
    with writing(staged.part):
        staged.part.replace(kept)
    error.kept = str(kept)


def _require_gguf(wish: Wish) -> None:
    with writing(wish.staged.part), wish.staged.part.open("rb") as stream:
        is_gguf = stream.read(4) == b"GGUF"
    if not is_gguf:
        discard(wish.staged)
        raise SourceRefused("what came is no GGUF file", "Check the address or path.")


def _size(staged: Staged) -> int:
    try:
        return staged.part.stat().st_size
    except OSError:
        return 0
