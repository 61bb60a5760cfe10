"""The HTTP carrier: one file over many connections from all its mirrors at once.

Workers take what is missing from a board and write it where it belongs; a trail hashes
the file from its beginning meanwhile, and a keeper notes what is there. Whether all of
it is the right file is for the digest to say, so servers without validators and mirrors
that know nothing of each other may be mixed. A wrong digest begins a hunt for whoever
gave wrong bytes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import unquote, urlsplit

from herd.errors import HerdError, SourceFailed, SourceRefused
from herd.model import HfSource, Sha256, Source, UrlSource
from herd.pieces import Table
from herd.progress import Stage
from herd.transfer import ledger
from herd.transfer.board import Board
from herd.transfer.carrier import Delivery, EachFailed, Mismatch, Resting, Share, Wish
from herd.transfer.extents import Extents
from herd.transfer.keeper import Keeper
from herd.transfer.ledger import Note
from herd.transfer.mirror import Address, Mirror
from herd.transfer.mirrors import Hosts, Mirrors, Standing
from herd.transfer.part import check
from herd.transfer.patience import Patience
from herd.transfer.reach import Reach
from herd.transfer.sheet import Sheet
from herd.transfer.trail import Trail
from herd.transfer.watch import Watch
from herd.transfer.worker import Changed, Task, Worker
from herd.transfer.wrong_digest import Doubt

WORKERS = 8
_ENOUGH = 0.25
"""Processors in use at which another connection would only take from the others."""
_TICK = 0.05
_STEP = 0.05
_MUCH = 8
"""One in so many parts of a file is worth waiting for its mirrors."""
_WORTH_SHOWING = 64 * 1024 * 1024
"""Bytes left to hash that a person would wait for."""
_EARLIER = ""
"""The giver of bytes of which nobody knows who gave them."""


class HttpCarrier:
    """Brings files from http(s) addresses and from the Hugging Face Hub."""

    def __init__(
        self,
        patience: Patience | None = None,
        reach: Callable[[str], Reach] = Reach,
        workers: int = WORKERS,
    ) -> None:
        """Opens nothing.

        Args:
            patience: What a source is granted.
            reach: The addresses that a configured URL may lead to.
            workers: Connections for one file, and to one host.
        """
        self._patience = patience or Patience()
        self._reach = reach
        self._workers = workers
        self._hosts = Hosts(workers)

    def fetch(self, wish: Wish) -> Delivery:
        """Bring the file from all sources of the wish, going on from what is staged.

        As Carrier.fetch; where several sources failed, EachFailed says how each did.
        """
        try:
            return self._fetch(wish)
        except Changed:
            ledger.forget(wish.staged)
        try:
            return self._fetch(wish)
        except Changed as error:
            raise SourceRefused(f"{error.message}, and changes it again and again") from error

    def _fetch(self, wish: Wish) -> Delivery:
        mirrors = Mirrors(self._standings(wish), self._patience, self._hosts)
        with (
            closing(mirrors),
            Sheet(wish.staged.part) as sheet,
            Watch(wish.stop, self._patience) as watch,
        ):
            board = wish.board or Board(wish.file.size)
            task = Task(wish, sheet, board, mirrors, watch)
            return _Download(task, self._workers).run()

    def _standings(self, wish: Wish) -> list[Standing]:
        """One for each address that reads as one.

        Raises:
            SourceRefused: none does.
        """
        good: list[Standing] = []
        bad: list[tuple[Source, HerdError]] = []
        for source in wish.sources:
            try:
                good.append(self._standing(source))
            except SourceRefused as error:
                bad.append((source, error))
        if not good:
            raise bad[0][1] if len(bad) == 1 else EachFailed(tuple(bad))
        return good

    def _standing(self, source: object) -> Standing:
        if not isinstance(source, UrlSource | HfSource):
            raise TypeError(source)
        address = Address.of(source)
        mirror = Mirror(address, self._patience.redirects)
        return Standing(source, mirror, self._reach(address.url), self._workers)


class _Download:
    """One file, over as many rounds as it takes to make the digest right."""

    def __init__(self, task: Task, workers: int) -> None:
        self._task = task
        self._wish = task.wish
        self._board = task.board
        self._mirrors = task.mirrors
        self._most = workers
        self._trail: Trail | None = None
        givers = (*[one.key for one in task.mirrors.each], _EARLIER)
        self._keeper = Keeper(task.wish.staged, task.sheet, task.board, givers, self._etags)
        task.note, task.rewind = self._keeper.wrote, self._rewind
        self._effort = _Effort()
        self._doubt = Doubt(task.board, task.mirrors, Extents())

    def run(self) -> Delivery:
        """Fetch until the file is whole and right."""
        self._resume()
        self._keeper.start()
        is_delivered = False
        try:
            digest, table = self._until_right()
            is_delivered = True
        except Mismatch as error:
            error.each = self._each_known(error)
            raise
        finally:
            if self._trail is not None:
                self._trail.end()
            self._keeper.end(is_kept=not is_delivered)
            if not is_delivered and self._board.done == 0:
                self._task.sheet.release()
        ledger.forget(self._wish.staged)
        return self._delivery(digest, table)

    def _resume(self) -> None:
        """Take over what an earlier try left, as far as it can be believed."""
        sheet, board, staged = self._task.sheet, self._board, self._wish.staged
        size, note = self._wish.file.size, ledger.load(staged)
        if note is not None and self._is_of_this_part(note):
            size = board.size if board.learn(note.size) else None
        elif self._task.is_promised and size is not None and 0 < sheet.length <= size:
            # Another carrier, or an older herd, that wrote from the beginning.
            whole = [] if sheet.has_holes else [(0, sheet.length)]
            note = Note(size, sheet.inode, {_EARLIER: whole})
        else:
            note = None
        if note is None:
            ledger.forget(staged)
        else:
            self._take_over(note)
        if size is not None:
            self._task.allocate(size)

    def _is_of_this_part(self, note: Note) -> bool:
        is_asked = any(one.key in note.given for one in self._mirrors.each)
        return (
            note.inode == self._task.sheet.inode
            and self._wish.file.size in (None, note.size)
            and (self._task.is_promised or is_asked)
        )

    def _take_over(self, note: Note) -> None:
        length = self._task.sheet.length
        for giver, spans in note.given.items():
            there = [(start, min(stop, length)) for start, stop in spans if start < length]
            self._board.put(giver, Extents(there))
        for one in self._mirrors.each:
            one.etag = note.etags.get(one.key)

    def _until_right(self) -> tuple[Sha256, Table | None]:
        promised = self._wish.file.sha256
        inherited = self._board.written.copy()
        self._doubt.earlier = inherited.copy()
        while True:
            digest = self._round()
            trail = self._trail
            assert trail is not None  # noqa: S101  # a round that ended has one
            if promised is None or digest == promised:
                return digest, self._table(trail, most=_WORTH_SHOWING)
            if self._board.trials is not None and self._board.trials.are_on:
                raise _mismatch(digest)  # whoever tries them has the hashes of the pieces
            inherited.remove(0, trail.proven)
            self._doubt.inherited = inherited
            table = self._table(trail) if len(self._mirrors.each) > 1 else None
            words = self._doubt.note(digest, promised, table)
            inherited = Extents()
            self._rewind()
            self._wish.gauge.note(words)

    def _table(self, trail: Trail, most: int | None = None) -> Table | None:
        """The pieces of a whole file.

        Args:
            trail: Which has hashed it.
            most: Bytes whose pieces may be hashed now; None: all of them.

        Returns:
            None where more are left, because the network was faster than the processors.
        """
        left = trail.left()
        while left and (most is None or left <= most):
            check(self._wish.stop)
            left = trail.left()
        return trail.table() if left == 0 else None

    def _rewind(self) -> None:
        """Bytes that were written were thrown away: hash and note all of it anew."""
        if self._trail is not None:
            self._trail.rewind()
        self._keeper.restart()
        self._wish.gauge.pace_anew()

    def _round(self) -> Sha256:
        """Fetch what is missing and hash all of it."""
        task, workers = self._task, list[Worker]()
        task.is_over = threading.Event()
        self._begin()
        try:
            while self._trail is None or not self._trail.is_done:
                self._look(workers)
                self._board.wait(_TICK)
            self._wish.gauge.move_to(self._board.done, self._board.size)
            return self._trail.digest()
        finally:
            task.is_over.set()
            self._board.wake()
            for worker in workers:
                # Again and again: one that was just connecting had nothing to be cut yet.
                while worker.thread.is_alive():
                    task.watch.cut()
                    worker.thread.join(_TICK)
            if self._wish.gauge.read().stage is Stage.FETCHING:
                self._wish.gauge.move_to(self._board.done)

    def _look(self, workers: list[Worker]) -> None:
        """One look at how things stand.

        Raises:
            HerdError: it cannot go on.
        """
        task, board, gauge = self._task, self._board, self._wish.gauge
        check(self._wish.stop)
        trail = self._running_trail()
        trouble = task.fatal or self._keeper.trouble or (trail.trouble if trail else None)
        if trouble is not None:
            raise trouble
        if board.is_whole:
            self._show_proof(trail)
            return
        if self._mirrors.are_out():
            words = self._doubt.go_on()
            if words is None:
                raise self._failure()
            self._rewind()
            self._wish.gauge.note(words)
        if self._wish.is_pressed and self._is_hardly_begun:
            self._rest()
        if gauge.read().stage is not Stage.FETCHING or gauge.read().total != board.size:
            self._begin()
        gauge.move_to(board.done)
        gauge.at_work(mirrors=self._mirrors.at_work())
        self._hire(workers)

    def _running_trail(self) -> Trail | None:
        size = self._board.size
        if self._trail is None and size is not None:
            # A server says how large the file is: without room for it there is no memory either.
            self._task.allocate(size)
            self._trail = Trail(self._task.sheet, self._board, size, self._wish.staged)
            self._trail.start()
        return self._trail

    def _hire(self, workers: list[Worker]) -> None:
        """One connection for each unknown mirror, then more while they can be of use."""
        wanted = min(self._most, len([one for one in self._mirrors.each if one.is_usable]))
        is_rising = len(workers) < self._most and any(one.is_known for one in self._mirrors.each)
        if is_rising and not self._effort.is_enough() and self._board.is_divisible:
            wanted = max(wanted, len(workers) + 1)
        while len(workers) < wanted:
            workers.append(Worker(self._task))
            self._board.workers = len(workers)
            workers[-1].thread.start()

    def _begin(self) -> None:
        hosts = dict.fromkeys(one.host for one in self._mirrors.each if one.is_usable)
        self._wish.gauge.begin(
            Stage.FETCHING, self._board.size, self._board.done, note=", ".join(hosts)
        )

    def _show_proof(self, trail: Trail | None) -> None:
        gauge, size = self._wish.gauge, self._board.size or 0
        if gauge.read().stage is Stage.VERIFYING:
            gauge.move_to(trail.at if trail else 0)
        elif trail is not None and size - trail.at > _WORTH_SHOWING:
            gauge.begin(Stage.VERIFYING, size, trail.at)

    def _each_known(self, error: Mismatch) -> tuple[tuple[Source, HerdError], ...]:
        """Who is out, and who gave the wrong file if it was one alone."""
        each = self._mirrors.each
        givers = [one.source for one in each if self._board.given.get(one.key)]
        wrong = [(source, error) for source in givers if len(givers) == 1]
        return (*[(one.source, one.out) for one in each if one.out is not None], *wrong)

    def _failure(self) -> SourceFailed | Mismatch:
        """Why nobody delivers."""
        if self._doubt.wrong:
            return _mismatch(self._doubt.wrong[-1])
        each = [(one.source, one.out) for one in self._mirrors.each if one.out is not None]
        return each[0][1] if len(each) == 1 else EachFailed(tuple(each))

    @property
    def _is_hardly_begun(self) -> bool:
        """Whether another kind of source, which may begin anew, would lose little."""
        return self._board.done * _MUCH <= (self._board.size or 0)

    def _rest(self) -> None:
        """Let other sources have a try while all mirrors are left alone.

        Raises:
            Resting: they are.
        """
        if self._mirrors.are_resting(time.monotonic()):
            each = [one.trouble for one in self._mirrors.each if one.trouble is not None]
            raise Resting("; ".join(dict.fromkeys(why.message for why in each)))

    def _etags(self) -> dict[str, str]:
        return {one.key: one.etag for one in self._mirrors.each if one.etag is not None}

    def _delivery(self, digest: Sha256, table: Table | None) -> Delivery:
        board = self._board
        shares = tuple(
            Share(one.source, board.given[one.key].total)
            for one in self._mirrors.each
            if board.given.get(one.key)
        )
        liars = self._doubt.liars
        name = unquote(urlsplit(self._mirrors.each[0].key).path).rpartition("/")[2]
        mute = [one for one in self._mirrors.each if not board.given.get(one.key)]
        failed = tuple([(one.source, why) for one in mute if (why := one.out or one.trouble)])
        return Delivery(
            board.done, digest, name or None, table, shares, board.wasted, liars, failed
        )


def _mismatch(got: Sha256) -> Mismatch:
    return Mismatch(f"the bytes have the digest {got[:12]}…", got, is_final=True)


class _Effort:
    """How busy this process is: with a fast line more connections only cost."""

    def __init__(self) -> None:
        self._then: float | None = None
        self._used = self._share = self._before = 0.0

    def is_enough(self) -> bool:
        """Whether the processor, and not the line, is what limits, or nothing is known yet."""
        now = time.monotonic()
        if self._then is None:
            self._then, self._used = now, time.process_time()
            return True
        if now - self._then >= _STEP:
            used, self._before = time.process_time(), self._share
            self._share = (used - self._used) / (now - self._then)
            self._then, self._used = now, used
        # Others who want the processor make one look differ from the next.
        return max(self._share, self._before) > _ENOUGH
