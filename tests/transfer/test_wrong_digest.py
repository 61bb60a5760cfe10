"""Whose bytes are wrong? What comes again, and what need not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import pytest

from herd.errors import SourceFailed
from herd.model import Sha256, UrlSource
from herd.pieces import PIECE, Table
from herd.transfer.board import Board
from herd.transfer.carrier import Mismatch
from herd.transfer.extents import Extents
from herd.transfer.mirror import Address, Mirror
from herd.transfer.mirrors import Hosts, Mirrors, Standing
from herd.transfer.patience import Patience
from herd.transfer.reach import Reach
from herd.transfer.wrong_digest import Doubt

PIECES = 8
SIZE = PIECES * PIECE
RIGHT = Sha256("f" * 64)


@dataclass
class Hunt:
    """Mirrors whose files are texts, one letter for each piece; the right file is all small."""

    mirrors: dict[str, str]
    right: str = "abcdefgh"

    def __post_init__(self) -> None:
        standings = [
            Standing(UrlSource(url), Mirror(Address(url)), Reach(url), 8) for url in self.mirrors
        ]
        self.board = Board(SIZE)
        self.group = Mirrors(standings, Patience(), Hosts())
        self.doubt = Doubt(self.board, self.group, Extents())
        self.file = ["?"] * PIECES
        self.fetched = 0
        self.said: list[str] = []
        self.leaves: str | None = None
        """A mirror that is gone as soon as it is to give all of it alone."""

    def fill(self, *order: str) -> None:
        """Fetch what is missing, each piece from the first that may be asked."""
        barred = {one.key for one in self.group.each if not one.is_usable}
        usable = [url for url in order or tuple(self.mirrors) if url not in barred]
        for at, (start, stop) in enumerate(self.board.missing(0, SIZE)):
            for piece in range(start // PIECE, stop // PIECE):
                url = usable[(at + piece) % len(usable)] if not order else usable[0]
                self.file[piece] = self.mirrors[url][piece]
                self.board.put(url, Extents([(piece * PIECE, (piece + 1) * PIECE)]))
                self.fetched += 1

    def hunt(self, *order: str) -> str | None:
        """Until the file is right; the liars."""
        self.fill(*order)
        while "".join(self.file) != self.right:
            text = "".join(self.file)
            table = Table(SIZE, PIECE, b"".join(letter.encode() * 32 for letter in text))
            got = Sha256(text.encode().hex().ljust(64, "0"))
            self.said.append(self.doubt.note(got, RIGHT, table))
            alone = [one for one in self.group.each if one.is_usable]
            if self.said[-1].endswith("alone") and alone[0].key == self.leaves:
                self.group.put_out(alone[0], SourceFailed("gone"))
                words = self.doubt.go_on()
                assert words is not None
                self.said.append(words)
            self.fill(*order)
        liars = self.doubt.liars
        return "".join(one.host for one in self.group.each if one.source in liars) or None


def test_an_honest_file_needs_no_hunt() -> None:
    assert Hunt({"http://a/": "abcdefgh", "http://b/": "abcdefgh"}).hunt() is None


@pytest.mark.parametrize("liar", ["http://a/", "http://b/", "http://c/"])
def test_one_liar_among_three_is_found(liar: str) -> None:
    files = dict.fromkeys(("http://a/", "http://b/", "http://c/"), "abcdefgh")
    hunt = Hunt({**files, liar: "aBcDeFgH"})
    assert hunt.hunt() in (liar[7], None)
    assert hunt.file == list("abcdefgh")


@pytest.mark.parametrize("files", list(permutations(("abcdefgh", "ABCDEFGH", "aBcDeFgH"))))
def test_two_liars_among_three_cost_two_files_more_at_most(files: tuple[str, ...]) -> None:
    hunt = Hunt(dict(zip(("http://a/", "http://b/", "http://c/"), files, strict=True)))
    liars = hunt.hunt() or ""
    assert hunt.file == list("abcdefgh")
    honest = "abc"[files.index("abcdefgh")]
    assert honest not in liars
    assert hunt.fetched <= (1 + 1 + 3) * PIECES  # the file, each share again, each alone


def test_many_that_all_lie_otherwise_are_not_asked_for_ever() -> None:
    hunt = Hunt({f"http://{letter}/": letter * PIECES for letter in "abcdefghijkl"}, right="right")
    with pytest.raises(Mismatch):
        hunt.hunt()
    assert len([words for words in hunt.said if words.endswith("alone")]) == 4


def test_once_one_is_tried_alone_nobody_is_left_out_by_himself_any_more() -> None:
    names = ("http://a/", "http://b/", "http://c/")
    hunt = Hunt({url: url[7] * PIECES for url in names}, right="right")
    with pytest.raises(Mismatch):
        hunt.hunt(*names)  # the third gives nothing before it is alone
    assert [words.endswith("alone") for words in hunt.said] == [False, False, True, True, True]


@pytest.mark.parametrize("leaves", ["http://a/", "http://b/"])
def test_one_that_goes_away_while_it_is_alone_leaves_the_others_their_turn(leaves: str) -> None:
    hunt = Hunt({"http://a/": "X" * 8, "http://b/": "Y" * 8, "http://c/": "abcdefgh"})
    hunt.leaves = leaves
    liars = hunt.hunt() or ""
    assert hunt.file == list("abcdefgh")
    assert "c" not in liars
    if "it does not deliver" in " ".join(hunt.said):
        assert leaves[7] not in liars


def test_what_two_gave_alike_does_not_come_a_third_time() -> None:
    hunt = Hunt({"http://a/": "Abcdefgh", "http://b/": "abcdefgh"})
    assert hunt.hunt() == "a"
    assert hunt.fetched <= 2 * PIECES


def test_two_that_agree_on_another_file_are_told_apart_from_two_that_lie() -> None:
    hunt = Hunt({"http://a/": "ABCDEFGH", "http://b/": "ABCDEFGH"})
    with pytest.raises(Mismatch) as caught:
        hunt.hunt()
    assert caught.value.agreed == 2
    assert hunt.fetched == 2 * PIECES
    with pytest.raises(Mismatch) as caught:
        Hunt({"http://a/": "Abcdefgh", "http://b/": "aBcdefgh"}).hunt()
    assert caught.value.agreed == 1


def test_what_an_earlier_try_left_is_doubted_first() -> None:
    hunt = Hunt({"http://a/": "abcdefgh"})
    hunt.file[:2] = "XY"
    hunt.board.put("", Extents([(0, 2 * PIECE)]))
    hunt.doubt.inherited = Extents([(0, 2 * PIECE)])
    hunt.hunt()
    assert hunt.fetched == PIECES


def test_what_hashes_of_an_earlier_try_vouch_for_is_doubted_after_all_givers() -> None:
    hunt = Hunt({"http://a/": "abcdefgh", "http://b/": "abcdefgH"})
    hunt.file[:2] = "XY"
    hunt.board.put("", Extents([(0, 2 * PIECE)]))
    hunt.doubt.earlier = Extents([(0, 2 * PIECE)])
    hunt.hunt()
    assert hunt.file == list("abcdefgh")
    assert hunt.said.count("what an earlier try left was damaged; it comes again") == 1


def test_one_alone_is_not_asked_twice() -> None:
    hunt = Hunt({"http://a/": "abcdefgX"})
    with pytest.raises(Mismatch):
        hunt.hunt()
    assert hunt.fetched == PIECES
