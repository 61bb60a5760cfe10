"""When the torrent carrier asks the distributed hash table, and which sources it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import Interrupted, SourceRefused
from herd.model import InfoHash, MagnetSource, Source, TorrentSource, UrlSource
from herd.transfer import swarm
from herd.transfer.budget import Budget
from herd.transfer.swarm import TorrentCarrier
from herd.transfer.swarm_reach import SwarmReach
from herd.transfer.swarm_tally import Tally
from herd.transfer.torrent_session import NativeSession
from tests.tools.swarm import own_host
from tests.transfer.swarm_desk import CALM, SwarmDesk

PUBLIC = "udp://tracker.example.org:1337/announce"
HOME = "http://192.168.1.5:6969/announce"
HASH = InfoHash("ab" * 20)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The settings of every session that would have been opened; none is."""
    seen: list[dict[str, object]] = []

    def note(chosen: dict[str, object], _: SwarmReach) -> None:
        seen.append(chosen)
        raise Interrupted("enough")

    monkeypatch.setattr(swarm, "NativeSession", note)
    return seen


@pytest.fixture
def asked(tmp_path: Path, opened: list[dict[str, object]]) -> Callable[..., bool]:
    """Whether the table would be asked for a source."""
    desk = SwarmDesk(tmp_path)

    def ask(source: Source, *, dht: bool = True) -> bool:
        with pytest.raises(Interrupted):
            TorrentCarrier(dht=dht).fetch(desk.wish(source))
        return bool(opened[-1]["enable_dht"])

    return ask


def test_a_magnet_is_looked_up_in_the_table(asked: Callable[..., bool]) -> None:
    assert asked(MagnetSource(v1=HASH, trackers=(PUBLIC,)))
    assert asked(MagnetSource(v1=HASH))


def test_the_person_can_turn_the_table_off(asked: Callable[..., bool]) -> None:
    assert not asked(MagnetSource(v1=HASH, trackers=(PUBLIC,)), dht=False)


def test_a_swarm_at_home_is_not_told_to_the_world(asked: Callable[..., bool]) -> None:
    assert not asked(MagnetSource(v1=HASH, trackers=(HOME,)))


def test_a_torrent_file_is_not_looked_up(asked: Callable[..., bool], tmp_path: Path) -> None:
    desk_of_its_own = tmp_path / "other"
    desk_of_its_own.mkdir()
    path = tmp_path / "public.torrent"
    path.write_bytes(SwarmDesk(desk_of_its_own).torrent(PUBLIC).raw)
    assert not asked(TorrentSource(str(path)))


def test_the_limit_of_what_goes_out_may_change_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int | None] = []
    limit_out = NativeSession.limit_out

    def note(session: NativeSession, rate: int | None) -> None:
        told.append(rate)
        limit_out(session, rate)
        assert session._session.get_settings()["upload_rate_limit"] == (rate or 0)
        all_jobs.set(9000)

    monkeypatch.setattr(NativeSession, "limit_out", note)
    desk, all_jobs = SwarmDesk(tmp_path), Budget(5000)
    budget = Budget()
    budget.out = Budget(None, all_jobs)
    torrent = desk.torrent()
    with desk.swarm(torrent, rate=5_000_000) as found:
        wish = replace(desk.wish(torrent.magnet(found.tracker.url)), budget=budget)
        TorrentCarrier(CALM, interface=own_host()).fetch(wish)

    assert told == [5000, 9000]
    assert desk.part == desk.content


def test_a_limit_of_what_comes_holds_within_a_moment_and_may_be_lifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libtorrent lets a peer read after 20 ticks at the latest, and keeps what is asked for."""
    told: list[int | None] = []
    limit = NativeSession.limit

    def note(session: NativeSession, rate: int | None) -> None:
        told.append(rate)
        limit(session, rate)
        settings = session._session.get_settings()
        assert settings["download_rate_limit"] == (rate or 0)
        assert (settings["tick_interval"] * 20 < 1000) == (rate is not None)
        assert settings["request_queue_time"] == (3 if rate is None else 1)
        budget.set(None)

    monkeypatch.setattr(NativeSession, "limit", note)
    desk, budget = SwarmDesk(tmp_path), Budget(400_000)
    torrent = desk.torrent()
    with desk.swarm(torrent, rate=5_000_000) as found:
        wish = replace(desk.wish(torrent.magnet(found.tracker.url)), budget=budget)
        TorrentCarrier(CALM, interface=own_host()).fetch(wish)

    assert told == [400_000, None]
    assert desk.part == desk.content


def test_a_fresh_session_was_told_no_limit_yet() -> None:
    tally = Tally()
    tally.limit = 5000
    tally.begin()
    assert tally.limit is None


def test_a_torrent_file_that_leads_to_nobody_is_refused_at_once(
    tmp_path: Path, opened: list[dict[str, object]]
) -> None:
    desk, path = SwarmDesk(tmp_path), tmp_path / "lonely.torrent"
    path.write_bytes(desk.torrent().raw)
    source = TorrentSource(str(path))
    with pytest.raises(SourceRefused, match="neither a tracker nor a mirror") as caught:
        TorrentCarrier().fetch(desk.wish(source))
    assert "Install its magnet" in (caught.value.hint or "")
    assert opened == []
    with pytest.raises(Interrupted):
        TorrentCarrier(lan=True).fetch(desk.wish(source))
    mirror = UrlSource("https://example.org/m.gguf")
    with pytest.raises(Interrupted):
        TorrentCarrier().fetch(replace(desk.wish(source), others=(mirror,)))


def test_a_source_of_another_kind_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        TorrentCarrier().fetch(SwarmDesk(tmp_path).wish(UrlSource("https://example.org/m.gguf")))


def test_the_own_network_is_told_only_where_somebody_wants_it(
    tmp_path: Path, opened: list[dict[str, object]]
) -> None:
    desk = SwarmDesk(tmp_path)
    for lan in (False, True):
        with pytest.raises(Interrupted):
            TorrentCarrier(lan=lan).fetch(desk.wish(MagnetSource(v1=HASH)))
        assert opened[-1]["enable_lsd"] is lan


def test_what_goes_out_meanwhile_has_a_limit(
    tmp_path: Path, opened: list[dict[str, object]]
) -> None:
    with pytest.raises(Interrupted):
        TorrentCarrier(upload=5000).fetch(SwarmDesk(tmp_path).wish(MagnetSource(v1=HASH)))
    assert opened[-1]["upload_rate_limit"] == 5000
