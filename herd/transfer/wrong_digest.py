"""A file came whole and has the wrong digest: finds out whose bytes are wrong.

A digest of the whole says nothing of its parts. So one giver after the other is left out:
what it gave comes again from the others, and everything else stays. When the digest is
right then, that giver lied. The smallest share goes first, because it costs least; before
all of them goes what an earlier try left, which may have been damaged on the disk. Pieces
that came from two givers and are the same need not come from a third. Where that does not
help, all of what an earlier try left comes again, and the hunt begins anew: it may have been
damaged before the hashes were taken that vouch for it. Where that does not help either, several
may lie: then one after the other is to bring all of it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from herd.model import Sha256, Source
from herd.pieces import Table
from herd.transfer.board import Board
from herd.transfer.carrier import Mismatch
from herd.transfer.extents import Extents
from herd.transfer.mirrors import Mirrors, Standing
from herd.words import count

_MOST_ALONE = 4
"""Givers that are tried by themselves: each may cost as much as the file."""


@dataclass
class Doubt:
    """The hunt for wrong bytes in one file."""

    board: Board
    mirrors: Mirrors
    inherited: Extents
    """What an earlier try left and nothing vouches for."""
    earlier: Extents = field(default_factory=Extents)
    """All of what it left and is still there, whatever vouches for it."""
    wrong: list[Sha256] = field(default_factory=list)
    """The digests of the wrong files so far."""
    suspects: tuple[Standing, ...] = ()
    """The givers that are left out now."""
    _alone: list[Standing] = field(default_factory=list)
    """Who was to bring all of it so far."""
    _cleared: set[str] = field(default_factory=set)
    _before: Table | None = None
    """The pieces of the last wrong file."""
    _replaced: Extents = field(default_factory=Extents)
    """What came again since then."""
    _agreed: Extents = field(default_factory=Extents)
    """What two givers gave alike."""

    @property
    def liars(self) -> tuple[Source, ...]:
        """Whose bytes are known to be wrong, once the digest is right."""
        # One that went away before it had given all of it is no liar for that.
        alone = [one for one in self._alone[:-1] if one.out is None]
        return tuple(one.source for one in (alone if self._alone else self.suspects))

    def note(self, got: Sha256, promised: Sha256, table: Table | None) -> str:
        """Take a wrong file down and throw a share of it away; what to tell the person.

        Args:
            got: Its digest.
            promised: The right one.
            table: Its pieces, where they are known: what two gave alike need not come again.

        Raises:
            Mismatch: there is no other way left to get the promised file.
        """
        self.wrong.append(got)
        self._compare(table)
        for one in self.suspects:
            one.is_barred = False
        self.suspects = ()
        if self.inherited:
            return self._doubt_earlier(self.inherited)
        while not self._alone and (suspect := self._next()) is not None:
            self._cleared.add(suspect.key)
            doubted = self.board.given[suspect.key].copy()
            for start, stop in self._agreed:
                doubted.remove(start, stop)
            if doubted:
                self._leave_out(suspect)
                self._replaced = doubted
                self._reopen(doubted)
                return f"the digest is wrong; trying without what {suspect.host} gave"
        if self.earlier:
            self._cleared.clear()
            return self._doubt_earlier(self.earlier.copy())
        if (lone := self._next_alone()) is not None:
            self._try_alone(lone)
            return f"the digest is still wrong; trying {lone.host} alone"
        raise self._verdict(got, promised)

    def go_on(self) -> str | None:
        """Nobody may be asked any more: who was to give all of it did not, which says nothing.

        Returns:
            What to tell the person; None where nobody else is left, either.
        """
        if not self._alone:
            return None
        for one in self.suspects:
            one.is_barred = False
        self.suspects = ()
        lone = self._untried([one for one in self.mirrors.each if one.is_usable])
        if lone is None:
            return None
        self._try_alone(lone)
        return f"it does not deliver; trying {lone.host} alone"

    def _doubt_earlier(self, spans: Extents) -> str:
        self.inherited = Extents()
        self._reopen(spans)
        return "what an earlier try left was damaged; it comes again"

    def _reopen(self, spans: Extents) -> None:
        self.board.reopen(spans)
        for start, stop in spans:
            self.earlier.remove(start, stop)

    def _try_alone(self, lone: Standing) -> None:
        self._alone.append(lone)
        self._leave_out(*(one for one in self.mirrors.each if one is not lone))
        # Of those who are out some may still write what they were asked for.
        for giver, given in self.board.snapshot().items():
            if giver != lone.key:
                self.board.reopen(Extents(given))

    def _leave_out(self, *suspects: Standing) -> None:
        self.suspects = suspects
        for one in suspects:
            one.is_barred = True

    def _compare(self, table: Table | None) -> None:
        """Two givers gave what came again and is the same as before."""
        before, self._before = self._before, table
        replaced, self._replaced = self._replaced, Extents()
        if before is None or table is None:
            return
        for start, stop in replaced:
            first, last = -(-start // table.piece_size), stop // table.piece_size
            for piece in range(first, last + (stop == table.size)):
                if before.hash_of(piece) == table.hash_of(piece):
                    span = table.span(piece)
                    self._agreed.add(max(start, span.start), span.stop)

    def _next(self) -> Standing | None:
        given = self.board.given
        doubtful = [
            one
            for one in self.mirrors.each
            if given.get(one.key) and one.key not in self._cleared and self.mirrors.others(one)
        ]
        return min(doubtful, key=lambda one: given[one.key].total, default=None)

    def _next_alone(self) -> Standing | None:
        usable = [one for one in self.mirrors.each if one.is_usable]
        if not self._alone and (len(usable) < 3 or len(set(self.wrong)) == 1):
            return None  # of two, each was alone already; those that agree do so alone, too
        return self._untried(usable)

    def _untried(self, usable: list[Standing]) -> Standing | None:
        if len(self._alone) == _MOST_ALONE:
            return None
        given = self.board.given
        untried = [one for one in usable if one not in self._alone]
        return max(
            untried, key=lambda one: given[one.key].total if one.key in given else 0, default=None
        )

    def _verdict(self, got: Sha256, promised: Sha256) -> Mismatch:
        givers = len(self._cleared) or 1
        if givers > 1 and len(set(self.wrong[-givers:])) == 1:
            return Mismatch(
                f"{count(givers, 'source')} agree on bytes with the digest {got[:12]}…",
                got,
                agreed=givers,
                is_final=True,
            )
        return Mismatch(
            f"the bytes have the digest {got[:12]}… and {promised[:12]}… was promised",
            got,
            is_final=True,
        )
