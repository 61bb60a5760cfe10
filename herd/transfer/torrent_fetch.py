"""One file out of one swarm: ask for the metadata, choose, check, fetch, prove, hand over.

The swarm itself is behind `Session`; its clock is in `swarm_watch`. Mirrors go ahead of it
(`swarm_lead`), and take part in it through the seam.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

from herd.errors import DigestMismatch, HerdError, SourceFailed
from herd.model import MagnetSource, Sha256, Source
from herd.pieces import Table
from herd.progress import Stage
from herd.staging import discard
from herd.transfer.carrier import Delivery, Wish
from herd.transfer.extents import Extents
from herd.transfer.ledger import Sums
from herd.transfer.part import check
from herd.transfer.seam import Seam
from herd.transfer.seam_feed import Feed
from herd.transfer.swarm_alone import Alone
from herd.transfer.swarm_beside import WORTH, CameOtherwise
from herd.transfer.swarm_check import BLOCK, There, blocks_there, pieces_there
from herd.transfer.swarm_exact import Exact
from herd.transfer.swarm_failure import broken, failed, silence, stall, together
from herd.transfer.swarm_folder import SwarmFolder
from herd.transfer.swarm_lead import Lead, may_stay
from herd.transfer.swarm_session import Session, Taking
from herd.transfer.swarm_suspects import Suspects
from herd.transfer.swarm_tally import Hashes, Tally
from herd.transfer.swarm_terms import Terms
from herd.transfer.swarm_trail import SwarmTrail
from herd.transfer.swarm_watch import Look, Overdue, Phase, SwarmWatch
from herd.transfer.torrent_contents import Metainfo
from herd.transfer.trials import Trials


class TorrentFetch:
    """One fetch, over as many sessions as it takes."""

    def __init__(self, wish: Wish, folder: SwarmFolder, terms: Terms) -> None:
        self._wish = wish
        self._folder = folder
        self._terms = terms
        self._watch = SwarmWatch(terms.patience, time.monotonic())
        self._suspects, self._is_mixed = Suspects(), False
        self._tally = Tally()
        self._is_inheriting = False
        """Whether what the mirrors brought by themselves is still to be judged."""
        self._has_led = False
        """Whether mirrors had their chance to go ahead."""
        self._stack = ExitStack()
        self._trail: SwarmTrail | None = None
        self._seam: Seam | None = None
        self._feed: Feed | None = None
        self._alone: Alone | None = None
        self._learned: Metainfo | None = None
        """With the piece hashes that the metadata of a v2 magnet lacks."""
        self._lost: SourceFailed | DigestMismatch | None = None
        """Why the mirrors did not deliver before there was metadata."""

    def run(self, start: Metainfo | MagnetSource) -> Delivery:
        """Bring the file. As Carrier.fetch."""
        with self._stack as stack:
            size = self._wish.file.size
            if isinstance(start, Metainfo):
                size = start.entries[start.entry_of(self._wish.file)].size
            if self._terms.seam is not None:
                self._seam = stack.enter_context(self._terms.seam(size or 0))
            try:
                return self._bring(start)
            except CameOtherwise as other:
                return other.delivery

    def _bring(self, start: Metainfo | MagnetSource) -> Delivery:
        metainfo = self._until_whole(start)
        digest, table = self._proved()
        if digest != (self._wish.file.sha256 or digest):
            # Every piece was right when it was written: what lies there may have changed since.
            metainfo = self._until_whole(metainfo)
            digest, table = self._proved()
        size = self._folder.deliver()
        return self._delivery(metainfo, size, digest, table)

    def _delivery(
        self, metainfo: Metainfo, size: int, digest: Sha256, table: Table | None
    ) -> Delivery:
        liars = () if self._feed is None else tuple(one.source for one in self._feed.liars)
        shares = self._tally.shares(self._wish.source, self._feed)
        return Delivery(
            size,
            digest,
            metainfo.entries[metainfo.entry_of(self._wish.file)].name,
            table=table,
            shares=shares,
            wasted=self._tally.for_nothing(self._feed),
            liars=liars,
            failed=tuple(self._failed()),
        )

    def _until_whole(self, start: Metainfo | MagnetSource) -> Metainfo:
        known: Metainfo | MagnetSource = start
        reach, liars, seen, is_left = self._terms.reach, set[str](), set[tuple[str, int]](), False
        if self._seam is not None:
            reach = replace(reach, seam=self._seam.host)
        while True:
            # Mirrors begin while the session is opened.
            lead = self._lead(known)
            session = self._terms.open(replace(reach, barred=self._suspects.closed))
            session.reports.liars |= liars
            session.reports.seen |= seen  # trackers may be slow, and need not be asked for them
            try:
                metainfo = self._ahead(session, known, lead)
                if self._take(session, metainfo):
                    return metainfo
                is_left = self._alone is not None and bool(self._alone.mirrors)
            except CameOtherwise:
                is_left = True
                raise
            finally:
                session.close(is_hasty=self._wish.stop.is_set() or is_left)
                liars, seen = session.reports.liars, session.reports.seen
            known = self._learned or metainfo
            if self._alone is not None and is_left:
                self._leave(self._alone, known)

    def _lead(self, known: Metainfo | MagnetSource) -> Lead | None:
        """The mirrors, at work, where they have not had their chance to go ahead."""
        has_led, self._has_led = self._has_led, True
        if self._terms.http is None or not self._wish.others or has_led:
            return None
        if isinstance(known, Metainfo) and (self._folder.file.exists() or not may_stay(self._wish)):
            return None  # what a swarm began, it goes on with
        trials = self._seam.trials if self._seam is not None else Trials()
        return self._stack.enter_context(Lead(self._wish, self._terms.http, trials))

    def _ahead(
        self, session: Session, known: Metainfo | MagnetSource, lead: Lead | None
    ) -> Metainfo:
        """What the torrent is; mirrors go ahead until that is known, and as long as they should.

        Raises:
            CameOtherwise: they delivered without the swarm.
        """
        metainfo = self._known(session, known, lead)
        if lead is not None:
            lead.go_on(metainfo, session.look)
            self._is_inheriting = True
            if lead.delivery is not None:
                self._folder.clear()
                raise CameOtherwise(lead.delivery)
        return metainfo

    def _leave(self, alone: Alone, metainfo: Metainfo) -> None:
        """Let mirrors have the rest of the file.

        Raises:
            CameOtherwise: they delivered.
        """
        self._end_trail()
        came = alone.bring(metainfo, metainfo.entry_of(self._wish.file))
        if came is None:
            self._is_inheriting = True
            return
        self._folder.clear()
        self._tally.came_otherwise(came.size, came.wasted)
        raise CameOtherwise(self._delivery(metainfo, came.size, came.sha256, came.table))

    def _end_trail(self) -> None:
        if self._trail is not None:
            self._trail.end()
        self._trail = None

    def _known(
        self, session: Session, known: Metainfo | MagnetSource, lead: Lead | None
    ) -> Metainfo:
        if isinstance(known, MagnetSource):
            return self._ask(session, known, lead)
        if lead is not None:
            session.ask(known.magnet, self._folder)  # peers are found meanwhile
        return known

    def _ask(self, session: Session, magnet: MagnetSource, lead: Lead | None) -> Metainfo:
        session.ask(magnet, self._folder)
        if lead is None:
            gauge = self._wish.gauge
            gauge.begin(Stage.FETCHING, self._wish.file.size, note="finding peers")
        with ExitStack() as stack:
            exact = self._terms.exact and stack.enter_context(self._terms.exact())
            raw = self._metadata(session, lead, exact)
        metainfo = self._terms.read(raw)
        metainfo.entry_of(self._wish.file)
        self._folder.save_metainfo(raw)
        return metainfo

    def _metadata(self, session: Session, lead: Lead | None, exact: Exact | None) -> bytes:
        """Wait for it, while the mirrors fetch.

        Raises:
            CameOtherwise: the mirrors were quicker.
        """
        is_silent, patience = False, self._terms.patience
        while (raw := session.metadata() or (exact.raw if exact else None)) is None:
            look = session.look()
            if lead is None:
                self._wish.gauge.note(look.note)
            elif self._did_come(lead):
                raise CameOtherwise(lead.delivery)  # type: ignore[arg-type]  # it did
            else:
                lead.wait()
            is_silent = is_silent or self._judge(session, look) is not None
            if is_silent and not (lead and lead.is_running):
                troubles = exact.troubles if exact else ()
                raise self._with_mirrors(silence(session.reports, patience.metadata, troubles))
            self._pause(session)
        return raw

    def _did_come(self, beside: Lead) -> bool:
        """Whether the mirrors delivered; what they failed by is noted."""
        beside.check()
        if beside.failure is not None and self._lost is None:
            self._lost = beside.failure
            self._wish.gauge.begin(Stage.FETCHING, self._wish.file.size, note="finding peers")
            if isinstance(beside.failure, DigestMismatch):
                discard(self._wish.staged)
        return beside.delivery is not None

    def _take(self, session: Session, metainfo: Metainfo) -> bool:
        """Fetch until the file is whole; False when a fresh session must go on."""
        index = metainfo.entry_of(self._wish.file)
        size = metainfo.entries[index].size
        # The table of a blob under repair.
        known = Sums(self._wish.staged, size).table(size)
        metainfo = self._terms.completed(metainfo, index, known)
        came = self._folder.open(size)
        if self._feed is None and self._seam and not self._lost and metainfo.is_alone(index):
            self._seam.learn(size, self._terms.seeds(metainfo))
            self._feed = Feed(self._seam, metainfo, index)
            if self._terms.http is not None:
                self._alone = Alone(self._wish, self._terms.http, self._folder, self._feed)
        mouths = self._feed.begin() if self._feed else ()
        peers = frozenset(session.reports.seen) | self._terms.peers
        self._tally.begin()
        self._tally.hold_back(session, 0, self._wish.budget, self._seam)
        try:
            have, begun = self._check(metainfo, index, came)
            session.take(Taking(metainfo, index, self._folder, have, peers, mouths, begun))
            self._end_trail()
            known = metainfo.table(index)
            self._trail = self._stack.enter_context(SwarmTrail(self._folder.file, size, known))
            return self._follow(session, size, Hashes(session, metainfo.entries[index].has_hashes))
        except BaseException:
            session.close(is_hasty=self._wish.stop.is_set())
            if self._tally.fetched == 0:
                self._folder.give_back()
            raise

    def _check(self, metainfo: Metainfo, index: int, came: Extents | None) -> There:
        """Which pieces lie there and are right, and which blocks of others were written."""
        gauge, file = self._wish.gauge, self._folder.file
        if there := self._folder.written():
            gauge.begin(Stage.VERIFYING, there, note="checking what is there")
        have = pieces_there(file, metainfo, index, self._wish.stop, gauge.advance)
        # The honest would answer for what liars left unfinished.
        begun = {} if self._is_mixed else blocks_there(file, metainfo, index, have, came)
        if self._feed and self._is_inheriting:  # mirrors of this very fetch wrote it
            before = -self._feed.brought(self._folder.given, have)
        else:
            before = BLOCK * sum(map(sum, begun.values()))
        self._tally.found(metainfo.size_of(index, have) + before)
        self._watch.rest(time.monotonic())
        return have, begun

    def _follow(self, session: Session, size: int, hashes: Hashes) -> bool:
        shown: Phase | None = None
        while True:
            look = session.look()
            moved = self._tally.note(look)
            self._show(look, size, is_new=look.phase is not shown)
            shown = look.phase
            if self._trail is not None:
                self._trail.reach(look.prefix, look.fetched)
            if (why := broken(session.reports, self._folder.path)) is not None:
                if self._is_mixed or not isinstance(why, SourceFailed):
                    raise self._with_mirrors(why)
                self._is_mixed = True  # a wrong piece may be all there is to it
                return False
            if self._feed is not None:
                is_judged = hashes.are_known and look.phase is not Phase.CHECKING
                if self._is_inheriting and is_judged:
                    self._is_inheriting = False
                    wrong = self._feed.inherit(self._folder.given, session.pieces())
                    self._tally.inherit(wrong)
                self._feed.look(session, self._peers(look), self._tally.rate, time.monotonic())
            if look.phase is Phase.WHOLE:
                # What is left is hashed while the swarm is left.
                if self._trail is not None and session.is_written():
                    self._trail.reach_all()
                return True
            if self._keep(hashes):
                return False
            # Without hashes nothing that comes meanwhile could be told from what is wrong.
            alone = self._alone if hashes.are_known else None
            if alone is not None and alone.look(self._tally.fetched, size - look.done):
                session.settle()
                alone.pieces = session.pieces()
                return False
            match self._judge(session, look):
                case Overdue.SPOILT:
                    self._suspects.note(session.reports.banned, session.reports.seen)
                    self._is_mixed = True
                    return False
                case Overdue():
                    raise self._with_mirrors(stall(session.reports, self._watch.granted))
            self._tally.hold_back(session, moved, self._wish.budget, self._seam)
            self._tally.give_no_more(session, look, self._wish.budget.out)
            is_last = size - look.done < self._tally.rate * self._terms.patience.tick
            self._pause(session if is_last else None)

    def _show(self, look: Look, size: int, *, is_new: bool) -> None:
        gauge, done = self._wish.gauge, min(look.done, size)
        if is_new and look.phase is not Phase.WHOLE:
            is_checking = look.phase is Phase.CHECKING
            gauge.begin(Stage.VERIFYING if is_checking else Stage.FETCHING, size, done)
        gauge.move_to(done)
        look = replace(look, peers=self._peers(look))
        gauge.at_work(peers=look.peers, mirrors=self._feed.at_work if self._feed else 0)
        gauge.note("" if gauge.read().sources else look.note)

    def _peers(self, look: Look) -> int:
        """Connected peers; to libtorrent the mouths of the mirrors are peers as well."""
        return max(0, look.peers - (self._seam.connections if self._seam else 0))

    def _keep(self, hashes: Hashes) -> bool:
        """Keep the hashes that came; whether what mirrors brought before is to be judged now."""
        if raw := hashes.wanted():
            metainfo = self._terms.read(raw)
            if metainfo.entries[metainfo.entry_of(self._wish.file)].has_hashes:
                self._folder.save_metainfo(raw)
                self._learned, hashes.are_known = metainfo, True
                is_much = self._folder.brought >= WORTH
                self._is_inheriting = self._is_inheriting and is_much
                return self._is_inheriting
        return False

    def _proved(self) -> tuple[Sha256, Table]:
        """The digest of what lies there, and its pieces: from the trail where that can be believed.

        Without a promise nothing would tell that the trail read a block too early.
        """
        gauge, trail, promised = self._wish.gauge, self._trail, self._wish.file.sha256
        self._trail = None
        gauge.begin(Stage.VERIFYING, self._wish.file.size)
        if trail is not None and promised is not None:
            trail.reach_all()
            while not trail.await_end(self._terms.patience.tick):
                gauge.move_to(trail.at)
                check(self._wish.stop)
            gauge.move_to(trail.at)
            if trail.is_whole:
                digest, table = trail.proof()
                if digest == promised:
                    return digest, table
            gauge.begin(Stage.VERIFYING, self._wish.file.size)
        return self._folder.proof(self._wish.stop, gauge.advance)

    def _judge(self, session: Session, look: Look) -> Overdue | None:
        look = replace(look, peers=self._peers(look))
        return self._watch.judge(
            look,
            session.reports,
            time.monotonic(),
            is_aside=self._has_aside() and not look.peers,
            is_trial=self._suspects.on_trial is not None,
        )

    def _has_aside(self) -> bool:
        """Whether nothing has come yet, and all that waits is a mirror of the whole file alone."""
        if self._feed is None or self._tally.fetched:
            return False
        # What a torrent names is asked by itself only where a digest will judge it.
        return self._feed.has_aside(self._wish.others if self._wish.file.sha256 is None else None)

    def _pause(self, session: Session | None = None) -> None:
        """Until the next look; of a session that is given, as soon as something happens in it."""
        if session is not None:
            session.await_news(self._terms.patience.tick)
        else:
            self._wish.stop.wait(self._terms.patience.tick)
        check(self._wish.stop)

    def _with_mirrors(self, failure: HerdError) -> HerdError:
        return together(self._wish.source, failure, self._lost, self._wish.others, self._failed())

    def _failed(self) -> list[tuple[Source, HerdError]]:
        at_the_seam = self._feed.seam.mirrors.each if self._feed else ()
        return failed(at_the_seam, self._lost, self._wish.others)
