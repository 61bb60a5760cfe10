"""How far a file is right from its beginning is known without a look at all of its pieces."""

from __future__ import annotations

from herd.transfer.swarm_prefix import Prefix
from herd.transfer.torrent_contents import Entry

PIECE = 100


def prefix(size: int = 950, offset: int = 0) -> Prefix:
    return Prefix(Entry("model", size, offset=offset), PIECE)


def test_pieces_count_as_far_as_they_follow_one_another() -> None:
    one = prefix()
    for piece, size in ((0, 100), (2, 100), (3, 100), (1, 400), (1, 400)):
        one.add(piece)
        assert one.size == size


def test_the_last_piece_is_shorter() -> None:
    one = prefix()
    one.add_all([True] * 10)
    assert one.size == 950


def test_what_was_there_before_is_learnt_at_once() -> None:
    one = prefix()
    one.add_all([True, True, False, True] + [False] * 6)
    assert one.size == 200
    one.add(2)
    assert one.size == 400


def test_bytes_of_the_file_before_do_not_count() -> None:
    one = prefix(offset=250)
    one.add(2)
    assert one.size == 50
    one.add(3)
    assert one.size == 150
