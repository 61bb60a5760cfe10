"""One file out of one swarm: ask for the metadata, choose, check, fetch, prove, hand over.

The swarm itself is behind `Session`; its clock is in `swarm_watch`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from herd.errors import SourceFailed
from herd.model import MagnetSource, Sha256
from herd.progress import Stage
from herd.transfer.carrier import Delivery, Wish
from herd.transfer.part import check, trouble
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_reach import SwarmReach
from herd.transfer.swarm_watch import Look, Overdue, Phase, Reports, SwarmPatience, SwarmWatch
from herd.transfer.torrent_contents import Metainfo
from herd.words import duration


@dataclass(frozen=True)
class Taking:
    """What a session is to fetch."""

    metainfo: Metainfo
    index: int
    """Of the one entry that is wanted."""
    folder: SwarmFolder
    peers: frozenset[tuple[str, int]]
    """Known already."""


class Session(Protocol):
    """One torrent in one libtorrent session."""

    reports: Reports

    def ask(self, magnet: MagnetSource, folder: SwarmFolder) -> None:
        """Begin to ask peers for the metadata of a magnet; no payload."""
        ...

    def take(self, taking: Taking) -> None:
        """Begin to check what is there and to fetch the rest."""
        ...

    def look(self) -> Look:
        """What goes on."""
        ...

    def metadata(self) -> bytes | None:
        """What came of `ask`, as a .torrent."""
        ...

    def want_hashes(self) -> None:
        """Ask for the .torrent with the piece hashes that peers gave; it comes in `hashes`."""
        ...

    def hashes(self) -> bytes | None:
        """The answer to `want_hashes`, once."""
        ...

    def close(self, *, is_hasty: bool = False) -> None:
        """Let go of the network and of all files, everything written; once is enough.

        Args:
            is_hasty: Whether trackers need not hear of it: somebody waits for the end.
        """
        ...


@dataclass(frozen=True)
class Terms:
    """Under which conditions a swarm is asked."""

    open: Callable[[SwarmReach], Session]
    read: Callable[[bytes], Metainfo]
    """A .torrent's content; raises SourceRefused."""
    reach: SwarmReach
    patience: SwarmPatience = field(default_factory=SwarmPatience)


class TorrentFetch:
    """One fetch, over as many sessions as it takes."""

    def __init__(self, wish: Wish, folder: SwarmFolder, terms: Terms) -> None:
        self._wish = wish
        self._folder = folder
        self._terms = terms
        self._watch = SwarmWatch(terms.patience, time.monotonic())
        self._fetched = 0

    def run(self, start: Metainfo | MagnetSource) -> Delivery:
        """Bring the file. As Carrier.fetch."""
        metainfo = self._until_whole(start)
        digest = self._proved()
        if digest != (self._wish.file.sha256 or digest):
            # Every piece was right when it was written: what lies there may have changed since.
            metainfo = self._until_whole(metainfo)
            digest = self._proved()
        name = metainfo.entries[metainfo.entry_of(self._wish.file)].name
        return Delivery(self._folder.deliver(), digest, name)

    def _until_whole(self, start: Metainfo | MagnetSource) -> Metainfo:
        known: Metainfo | MagnetSource = start
        while True:
            session = self._terms.open(self._terms.reach)
            try:
                metainfo = self._ask(session, known) if isinstance(known, MagnetSource) else known
                if self._take(session, metainfo):
                    return metainfo
            finally:
                session.close(is_hasty=self._wish.stop.is_set())
            known = metainfo

    def _ask(self, session: Session, magnet: MagnetSource) -> Metainfo:
        self._wish.gauge.begin(Stage.FETCHING, self._wish.file.size, note="finding peers")
        session.ask(magnet, self._folder)
        while (raw := session.metadata()) is None:
            look = session.look()
            self._wish.gauge.note(look.note)
            if self._judge(session, look):
                raise self._silence(session.reports)
            self._pause()
        metainfo = self._terms.read(raw)
        metainfo.entry_of(self._wish.file)
        self._folder.save_metainfo(raw)
        return metainfo

    def _take(self, session: Session, metainfo: Metainfo) -> bool:
        """Fetch until the file is whole; False when a fresh session must go on."""
        index = metainfo.entry_of(self._wish.file)
        size = metainfo.entries[index].size
        self._folder.open(size)
        peers = frozenset(session.reports.seen)
        session.take(Taking(metainfo, index, self._folder, peers))
        try:
            return self._follow(session, size, _Hashes(session, metainfo.entries[index].has_hashes))
        except BaseException:
            session.close(is_hasty=self._wish.stop.is_set())
            if self._fetched == 0:
                self._folder.give_back()
            raise

    def _follow(self, session: Session, size: int, hashes: _Hashes) -> bool:
        shown: Phase | None = None
        before = self._fetched
        while True:
            look = session.look()
            self._fetched = before + look.fetched
            self._show(look, size, is_new=look.phase is not shown)
            shown = look.phase
            if session.reports.disk is not None:
                disk = session.reports.disk
                raise trouble(self._folder.path, OSError(disk.errno, disk.words))
            if look.phase is Phase.WHOLE:
                return True
            match self._judge(session, look):
                case Overdue.ALL_BANNED:
                    return False
                case Overdue():
                    raise self._stall(session.reports)
            self._keep(hashes)
            self._pause()

    def _show(self, look: Look, size: int, *, is_new: bool) -> None:
        gauge, done = self._wish.gauge, min(look.done, size)
        if is_new and look.phase is not Phase.WHOLE:
            is_checking = look.phase is Phase.CHECKING
            gauge.begin(Stage.VERIFYING if is_checking else Stage.FETCHING, size, done)
        gauge.move_to(done)
        gauge.note(look.note)

    def _keep(self, hashes: _Hashes) -> None:
        if raw := hashes.wanted():
            metainfo = self._terms.read(raw)
            if metainfo.entries[metainfo.entry_of(self._wish.file)].has_hashes:
                self._folder.save_metainfo(raw)
                hashes.are_known = True

    def _proved(self) -> Sha256:
        gauge = self._wish.gauge
        gauge.begin(Stage.VERIFYING, self._wish.file.size)
        return self._folder.digest(self._wish.stop, gauge.advance)

    def _judge(self, session: Session, look: Look) -> Overdue | None:
        return self._watch.judge(look, session.reports, time.monotonic())

    def _pause(self) -> None:
        self._wish.stop.wait(self._terms.patience.tick)
        check(self._wish.stop)

    def _silence(self, reports: Reports) -> SourceFailed:
        waited = duration(self._terms.patience.metadata)
        return SourceFailed(
            f"nobody gave the metadata within {waited} ({reports.sentence})",
            "The swarm may be dead; try again later or name another source.",
        )

    def _stall(self, reports: Reports) -> SourceFailed:
        waited = duration(self._terms.patience.stalled)
        return SourceFailed(
            f"nothing came for {waited} ({reports.sentence})",
            "Run the same command again to go on; what was fetched is kept.",
        )


@dataclass
class _Hashes:
    """Asks now and then for piece hashes that came from peers, until they are complete.

    Without them a v2 magnet's pieces could not be checked after a stop, and all of
    them would be fetched again.
    """

    session: Session
    are_known: bool
    _wait: float = 0.5
    _next: float = field(default_factory=time.monotonic)

    def wanted(self) -> bytes | None:
        """A .torrent that may have them."""
        if self.are_known:
            return None
        if time.monotonic() >= self._next:
            self._next, self._wait = time.monotonic() + self._wait, min(30.0, self._wait * 2)
            self.session.want_hashes()
        return self.session.hashes()
