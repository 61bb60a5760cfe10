"""Which mouths a swarm is fed by: more for who proved right, none for who lied or is out."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from herd.errors import SourceFailed
from herd.model import UrlSource
from herd.transfer.extents import Extents
from herd.transfer.patience import Patience
from herd.transfer.seam import Seam
from herd.transfer.seam_feed import MOST, Feed
from herd.transfer.seam_mirrors import mirror_of
from herd.transfer.swarm_watch import Reports
from herd.transfer.torrent_contents import Entry, Metainfo

PIECE = 1000
PIECES = 10
A, B = "http://a.example/m", "http://b.example/m"


class Fed:
    """A session that only keeps count of its web seeds."""

    def __init__(self) -> None:
        self.reports = Reports()
        self.urls: set[str] = set()

    def feed(self, url: str) -> None:
        self.urls.add(url)

    def wean(self, url: str) -> None:
        self.urls.discard(url)

    def fed(self) -> frozenset[str]:
        return frozenset(self.urls)

    def mouths(self, mirror: int) -> list[str]:
        return [url for url in self.urls if url.split("/")[4] == str(mirror)]


@pytest.fixture
def seam() -> Iterator[Seam]:
    mirrors = [mirror_of(UrlSource(url), Patience()) for url in (A, B)]
    with Seam(PIECE * PIECES, mirrors, Patience(), threading.Event()) as running:
        yield running


@pytest.fixture
def feed(seam: Seam) -> Feed:
    entry = Entry("m", PIECE * PIECES)
    return Feed(seam, Metainfo(b"", frozenset(), (entry,), piece_size=PIECE), 0)


@pytest.fixture
def session(feed: Feed) -> Fed:
    fed = Fed()
    for url in feed.begin():
        fed.feed(url)
    return fed


def looks(feed: Feed, session: Fed, *, peers: int = 0, rate: float = 0.0) -> None:
    """Many looks, one a second."""
    for second in range(30):
        feed.look(session, peers, rate, 1000.0 + second)


def proved(feed: Feed, url: str) -> None:
    """A mirror gave pieces, and they were right."""
    feed.seam.givers.gave(url, 0, 3 * PIECE)
    feed.seam.trials.passed(url)


def test_each_mirror_begins_with_one_mouth(feed: Feed, session: Fed) -> None:
    looks(feed, session)
    assert (len(session.mouths(0)), len(session.mouths(1))) == (1, 1)


def test_who_proved_right_gets_more(feed: Feed, session: Fed) -> None:
    proved(feed, A)
    looks(feed, session)
    assert (len(session.mouths(0)), len(session.mouths(1))) == (MOST - 1, 1)


def test_a_line_that_is_full_gets_no_more(feed: Feed, session: Fed) -> None:
    proved(feed, A)
    looks(feed, session, rate=1e9)
    assert len(session.urls) == 2


def test_a_mirror_that_asks_for_fewer_connections_gets_fewer(feed: Feed, session: Fed) -> None:
    proved(feed, A)
    looks(feed, session)
    feed.seam.mirrors.each[0].allowed = 2
    looks(feed, session)
    assert len(session.mouths(0)) == 2


def test_a_mirror_that_is_out_has_no_mouth(feed: Feed, session: Fed) -> None:
    proved(feed, A)
    looks(feed, session)
    feed.seam.mirrors.put_out(feed.seam.mirrors.each[0], SourceFailed("gone"))
    looks(feed, session)
    assert (len(session.mouths(0)), feed.liars) == (0, [])


def test_who_alone_gave_a_wrong_piece_is_out_at_once(feed: Feed, session: Fed) -> None:
    feed.seam.givers.gave(A, 0, PIECE)
    session.reports.failed = [0]
    looks(feed, session)
    assert [one.key for one in feed.liars] == [A]
    assert (len(session.mouths(0)), len(session.mouths(1))) == (0, 1)


def test_beside_peers_one_wrong_piece_is_no_proof_and_two_are(feed: Feed, session: Fed) -> None:
    feed.seam.givers.gave(A, 0, PIECE)
    session.reports.failed = [0]
    looks(feed, session, peers=1)
    assert feed.liars == []
    feed.seam.givers.gave(A, PIECE, 2 * PIECE)
    session.reports.failed = [1]
    looks(feed, session, peers=1)
    assert [one.key for one in feed.liars] == [A]


def test_an_innocent_mouth_that_was_banned_gets_another_chance(feed: Feed, session: Fed) -> None:
    (banned,) = session.mouths(0)
    session.urls.discard(banned)
    looks(feed, session)
    assert feed.liars == []
    assert len(session.mouths(0)) == 1
    assert banned not in session.urls


def test_a_mirror_whose_mouths_are_let_go_of_while_no_piece_was_wrong_did_not_lie(
    feed: Feed, session: Fed
) -> None:
    for _ in range(5):
        session.urls -= set(session.mouths(0))
        looks(feed, session)
    assert feed.liars == []
    assert len(session.mouths(0)) == 1


def test_a_mirror_whose_mouths_are_banned_twice_is_a_liar(feed: Feed, session: Fed) -> None:
    feed.seam.givers.gave(A, 5 * PIECE, 5 * PIECE + 500)
    session.reports.failed = [5]
    for _ in range(2):
        session.urls -= set(session.mouths(0))
        looks(feed, session)
    assert [one.key for one in feed.liars] == [A]
    assert session.mouths(0) == []


def test_whoever_ends_what_a_liar_had_under_way_is_not_to_blame(feed: Feed, session: Fed) -> None:
    proved(feed, B)
    for piece in (4, 5, 6):
        feed.seam.givers.gave(A, piece * PIECE, piece * PIECE + 500)
    feed.seam.givers.gave(A, 3 * PIECE, 4 * PIECE)
    session.reports.failed = [3]
    looks(feed, session)
    assert [one.key for one in feed.liars] == [A]
    for piece in (4, 5, 6):
        feed.seam.givers.gave(B, piece * PIECE + 500, (piece + 1) * PIECE)
        session.reports.failed = [piece]
        session.urls -= set(session.mouths(1))
        looks(feed, session)
    assert [one.key for one in feed.liars] == [A]
    assert feed.seam.trials.has_proved(B), "nor asked for one piece at a time"
    assert session.mouths(1) != []


def test_mouths_that_are_banned_beside_a_peer_that_lies_accuse_nobody(
    feed: Feed, session: Fed
) -> None:
    feed.seam.givers.gave(A, 5 * PIECE, 5 * PIECE + 500)
    session.reports.failed, session.reports.banned = [5], {"192.0.2.1"}
    for _ in range(3):
        session.urls -= set(session.mouths(0))
        looks(feed, session, peers=1)
    assert feed.liars == []


def test_what_mirrors_brought_before_is_theirs_and_judged_by_the_pieces(
    feed: Feed, session: Fed
) -> None:
    half = PIECE * PIECES // 2
    given = {A: Extents([(0, half)]), B: Extents([(half, 2 * half - 10)])}
    right = [True] * 5 + [False] * 5
    assert feed.inherit(given, right) == 4 * PIECE
    assert [one.key for one in feed.liars] == [B]
    assert (feed.seam.givers.share(A), feed.seam.givers.share(B)) == (half, 0)


def test_a_piece_that_two_mirrors_brought_before_accuses_nobody(feed: Feed, session: Fed) -> None:
    given = {A: Extents([(0, 500)]), B: Extents([(500, 1000)])}
    assert feed.inherit(given, [False] * PIECES) == 0
    assert feed.liars == []


def test_a_fresh_session_begins_with_who_is_left(feed: Feed, session: Fed) -> None:
    feed.seam.mirrors.put_out(feed.seam.mirrors.each[1], SourceFailed("gone"))
    assert len(feed.begin()) == 1


def test_the_seam_leads_nobody_without_its_token(feed: Feed, session: Fed) -> None:
    (url,) = session.mouths(0)
    path = "/" + url.split("/", 3)[3]
    assert feed.seam.mirror_at(path) is feed.seam.mirrors.each[0]
    assert feed.seam.mirror_at(path.replace("/0/", "/7/")) is None
    assert feed.seam.mirror_at("/" + "x" * 32 + "/0/0/model") is None
    assert feed.seam.mirror_at("/") is None
