"""A file came whole and has the wrong digest: finds out whose bytes are wrong.

A digest of the whole says nothing of its parts. So one giver after the other is left out:
what it gave comes again from the others, and everything else stays. When the digest is
right then, that giver lied. The smallest share goes first, because it costs least; before
all of them goes what an earlier try left, which may have been damaged on the disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from herd.model import Sha256
from herd.transfer.board import Board
from herd.transfer.carrier import Mismatch
from herd.transfer.extents import Extents
from herd.transfer.standing import Mirrors, Standing
from herd.words import count


@dataclass
class Doubt:
    """The hunt for wrong bytes in one file."""

    board: Board
    mirrors: Mirrors
    inherited: Extents
    """What an earlier try left and nothing vouches for."""
    wrong: list[Sha256] = field(default_factory=list)
    """The digests of the wrong files so far."""
    suspect: Standing | None = None
    """The giver that is left out now."""
    _cleared: set[str] = field(default_factory=set)

    def note(self, got: Sha256, promised: Sha256) -> str:
        """Take the digest of a wrong file down and throw a share away; what to tell the person.

        Raises:
            Mismatch: there is no other way left to get the promised file.
        """
        self.wrong.append(got)
        if self.suspect is not None:
            self.suspect.is_barred = False
            self.suspect = None
        if self.inherited:
            self.board.reopen(self.inherited)
            self.inherited = Extents()
            return "what an earlier try left was damaged; it comes again"
        suspect = self._next()
        if suspect is None:
            raise self._verdict(got, promised)
        self._cleared.add(suspect.key)
        suspect.is_barred = True
        self.suspect = suspect
        self.board.reopen(self.board.given[suspect.key].copy())
        return f"the digest is wrong; trying without what {suspect.host} gave"

    def _next(self) -> Standing | None:
        given = self.board.given
        doubtful = [
            one
            for one in self.mirrors.each
            if given.get(one.key) and one.key not in self._cleared and self.mirrors.others(one)
        ]
        return min(doubtful, key=lambda one: given[one.key].total, default=None)

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
