"""One of the workers that fetch a file together: takes a claim, asks a mirror, writes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from herd.errors import HerdError, Interrupted, SourceFailed, SourceRefused
from herd.transfer.board import Board, Claim
from herd.transfer.carrier import Wish
from herd.transfer.http import Line
from herd.transfer.mirror import Body
from herd.transfer.mirrors import Mirrors, Standing
from herd.transfer.ranges import Asked, Unsatisfied
from herd.transfer.sheet import Sheet
from herd.transfer.watch import Watch
from herd.words import duration

log = logging.getLogger(__name__)

_BUFFER = 256 * 1024
"""Bytes read and written at once. Twice as many were slower: memory in larger runs is dearer."""
_LEAST = 4 * 1024
"""Bytes read at once under the tightest limit."""
_NOTED_AT = 2 * 1024 * 1024
_NOTED_EVERY = 0.02
"""Bytes and seconds after which what was written is noted: what a kill costs each connection.

To note each buffer by itself takes a fast line as long as to fetch it.
"""
_TICK = 0.1


class Changed(SourceFailed):
    """The file is another one than before, and no digest says which is wanted."""


@dataclass(eq=False)
class Task:
    """What the workers of one file share."""

    wish: Wish
    sheet: Sheet
    board: Board
    mirrors: Mirrors
    watch: Watch
    is_over: threading.Event = field(default_factory=threading.Event)
    """Set when the file is whole, or never will be."""
    streaming: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one worker that takes the whole file from its beginning."""
    fatal: HerdError | None = None
    """What ends the transfer: the disk, or a file that changed."""
    rewind: Callable[[], None] = lambda: None
    """Called when bytes that may be hashed already were thrown away."""
    note: Callable[[str, int, int], None] = lambda *_: None
    """Called after a giver's bytes were written, with where they begin and end."""
    _allocating: threading.Lock = field(default_factory=threading.Lock)
    _is_allocated: bool = False

    @property
    def is_ended(self) -> bool:
        """Whether workers should go home."""
        return self.is_over.is_set() or self.wish.stop.is_set() or self.fatal is not None

    @property
    def is_promised(self) -> bool:
        """Whether a digest will judge the bytes."""
        return self.wish.file.sha256 is not None

    def allocate(self, size: int) -> None:
        """Have room for the whole file; only the first call does something.

        Raises:
            NoRoom: the disk cannot hold it.
        """
        with self._allocating:
            if not self._is_allocated:
                self.sheet.allocate(size, self.wish.stop)
            self._is_allocated = True

    def fail(self, error: HerdError) -> None:
        """End the transfer."""
        self.fatal = self.fatal or error
        with self.board.changed:
            self.board.changed.notify_all()


class Worker:
    """A thread with one connection at a time."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._buffer = memoryview(bytearray(_BUFFER))
        self._at_mirror: Standing | None = None
        self._line: Line | None = None
        self._rate: float | None = None
        """Bytes per second of the last answer over this line."""
        self.thread = threading.Thread(target=self._run, name="herd-fetch", daemon=True)

    def _run(self) -> None:
        task = self._task
        try:
            while not task.is_ended:
                if not self._work():
                    if self._line is not None:
                        self._line.idle()
                    task.board.wait(_TICK)
        except HerdError as error:
            task.fail(error)
        except Exception as error:  # the top of a thread: nobody above would see it
            log.exception("fetching %s", task.wish.file.name)
            task.fail(HerdError(f"Fetching failed: {error}.", "herd.log has the details."))
        finally:
            self._part_with(self._at_mirror)

    def _work(self) -> bool:
        """Fetch one claim; False when there is nothing to do now."""
        mirrors, board = self._task.mirrors, self._task.board
        one = mirrors.join(self._at_mirror, time.monotonic())
        if one is None:
            return False
        try:
            claim = board.take(one.key, self._rate or one.rate, one.late)
            if claim is None:
                return False
            try:
                self._try(one, claim)
            finally:
                board.release(claim)
        finally:
            mirrors.leave(one)
        return True

    def _try(self, one: Standing, claim: Claim) -> None:
        """Fetch a claim; what goes wrong with the mirror is noted in its standing."""
        began = time.monotonic()
        try:
            self._fetch(one, claim)
        except Interrupted:
            return
        except Changed:
            raise
        except SourceFailed as trouble:
            self._hang_up()
            if self._task.is_ended:
                return
            self._note(one, trouble, began)

    def _note(self, one: Standing, trouble: SourceFailed, began: float) -> None:
        now = time.monotonic()
        seconds = self._task.mirrors.failed(one, trouble, began, now)
        log.info("%s: %s", one.host, trouble.message)
        if one.out is None and seconds:
            again = duration(max(1, seconds))
            self._task.wish.gauge.note(f"{trouble.message}; again in {again}")
        elif one.out is not None and self._task.mirrors.others(one):
            self._task.wish.gauge.note(f"{one.out.message}; going on without it")

    def _fetch(self, one: Standing, claim: Claim) -> None:
        mirrors = self._task.mirrors
        while claim.left > 0 and not self._task.is_ended:
            began = time.monotonic()
            body = self._open(one, claim)
            if body is None:
                return
            if body.span.is_whole:
                self._take_whole(one, body)
                return
            answered, at = time.monotonic(), claim.at
            mirrors.answered(one, body.span.etag, answered - began)
            try:
                self._pour(one, body, claim)
            finally:
                count, seconds = claim.at - at, time.monotonic() - answered
                mirrors.moved(one, count, seconds, count)
                # Of the connections to one server a single one may have most of the line.
                self._rate = count / seconds if seconds > 0 and count else None

    def _open(self, one: Standing, claim: Claim) -> Body | None:
        """Ask for a claim; None when the answer is of no use, and why is in the standing."""
        task = self._task
        asked = Asked(claim.at, task.wish.file.size, claim.stop)
        etag = one.etag
        opened = one.mirror.open(self._line_to(one), asked, etag)
        if isinstance(opened, Unsatisfied):
            if not task.is_promised and claim.at:
                raise Changed(f"{one.host} has a shorter file by now")
            raise SourceRefused(f"{one.host} says that the file ends where it does not")
        span = opened.span
        if not task.board.learn(span.total):
            raise Changed(f"{one.host} has another file by now")
        task.allocate(span.total)
        if etag is not None and span.is_whole and span.etag != etag:
            self._changed(one)
            return None
        return opened

    def _changed(self, one: Standing) -> None:
        """Its validator is another one (RFC 9110 §13.1.5)."""
        task = self._task
        if not task.is_promised:
            raise Changed(f"{one.host} has another file by now")
        if task.mirrors.others(one):
            task.mirrors.put_out(one, SourceRefused(f"{one.host} changed the file under way"))
        # Alone it goes on without validators: many a server behind one name has tags of
        # its own, and the digest judges in the end.
        one.etag = None
        self._hang_up()

    def _take_whole(self, one: Standing, body: Body) -> None:
        """The mirror does not serve ranges: read all of it, unless somebody else does better."""
        task = self._task
        if task.wish.only_parts:
            raise SourceRefused(f"{one.host} does not give parts of the file")
        one.is_single = True
        task.mirrors.answered(one, None, 0.0)
        is_needed = not any(each.is_usable and not each.is_single for each in task.mirrors.each)
        if is_needed and task.streaming.acquire(blocking=False):
            try:
                self._stream(one, body)
            finally:
                task.streaming.release()
        else:
            self._hang_up()

    def _stream(self, one: Standing, body: Body) -> None:
        task, board = self._task, self._task.board
        if not task.is_promised and board.done:
            board.reopen(board.written.copy())  # nothing says that both are of one file
            task.rewind()
        began, new, at = time.monotonic(), 0, 0
        try:
            piece = body.head
            while not task.is_ended:
                for start, stop in board.missing(at, at + len(piece)):
                    task.sheet.write(memoryview(piece)[start - at : stop - at], start)
                    board.wrote(one.key, start, stop)
                    task.note(one.key, start, stop)
                    new += stop - start
                at += len(piece)
                if at >= body.span.stop:
                    return
                piece = body.read(min(_BUFFER, body.span.stop - at))
                if not piece:
                    raise SourceFailed(f"{one.host} stopped before the end")
                self._pay(body, len(piece))
        finally:
            board.lose(at - new)
            task.mirrors.moved(one, at, time.monotonic() - began, new)

    def _pour(self, one: Standing, body: Body, claim: Claim) -> None:
        """Write an answer where it belongs, as it comes, until it or the claim ends."""
        most, few = self._steps()
        self._buffer[: len(body.head)] = body.head
        count = unpaid = len(body.head)
        noted = at = claim.at
        noted_at = time.monotonic()
        try:
            at += self._write(claim, count)
            while claim.left > 0 and claim.at < body.span.stop and not self._task.is_ended:
                # Not beyond the claim: the server would go on sending until that had come.
                wanted = min(most, claim.left, body.span.stop - claim.at)
                count = body.read_into(self._buffer[:wanted])
                if not count:
                    raise SourceFailed(f"{one.host} stopped before the end")
                unpaid += count
                at += self._write(claim, count)
                if unpaid >= few or time.monotonic() - noted_at >= _NOTED_EVERY:
                    self._gave(one, noted, at)
                    noted = at
                    self._pay(body, unpaid)
                    most, few = self._steps()  # the limit may be another one by now
                    unpaid, noted_at = 0, time.monotonic()
        finally:
            self._gave(one, noted, at)
            self._task.wish.budget.spend(unpaid)  # whoever reads next waits for it

    def _steps(self) -> tuple[int, int]:
        """Bytes to read at once, and after how many to note and pay for them."""
        limit = self._task.wish.budget.tightest
        if limit is None:
            return _BUFFER, _NOTED_AT
        # All connections read before the first of them is told to wait.
        most = min(_BUFFER, max(_LEAST, limit // 64))
        return most, most

    def _write(self, claim: Claim, count: int) -> int:
        """Put the first bytes of the buffer into the file, as far as they are wanted still."""
        task, at = self._task, claim.at
        wanted = task.board.advance(claim, count)
        if wanted:
            task.sheet.write(self._buffer[:wanted], at)
        if count > wanted:
            task.board.lose(count - wanted)
        return wanted

    def _gave(self, one: Standing, start: int, stop: int) -> None:
        """Note what was written."""
        if start < stop:
            task = self._task
            task.board.wrote(one.key, start, stop)
            task.note(one.key, start, stop)

    def _pay(self, body: Body, count: int) -> None:
        """Take bytes out of the budget, and wait while it is overdrawn."""
        seconds = self._task.wish.budget.spend(count)
        if seconds <= 0:
            return
        end = time.monotonic() + seconds
        body.answer.rest()
        while not self._task.is_ended and (left := end - time.monotonic()) > 0:
            self._task.wish.stop.wait(min(_TICK, left))
        body.answer.go_on()

    def _line_to(self, one: Standing) -> Line:
        if self._line is None or self._at_mirror is not one:
            self._part_with(self._at_mirror)
            self._line = Line(one.reach, self._task.watch)
            self._at_mirror = one
        return self._line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.hang_up()

    def _part_with(self, one: Standing | None) -> None:
        if self._line is not None and one is not None:
            self._line.__exit__(None, None, None)
            self._line = self._at_mirror = self._rate = None
