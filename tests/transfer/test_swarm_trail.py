"""A file is hashed while it grows, a little behind what is known to be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from herd.errors import CannotWrite
from herd.model import File, Sha256
from herd.transfer.swarm_trail import BEHIND, FEWEST_LOOKS, MOST_LOOKS, SwarmTrail
from tests.tools.swarm import PIECE, noise
from tests.tools.wait import until
from tests.transfer.desk import digest
from tests.transfer.swarm_desk import SIZE, SwarmDesk

CONTENT = noise(1_000_000, seed=3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.write_bytes(CONTENT)
    return path


def test_it_follows_what_is_right_and_ends_with_the_digest(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(300_000, 0)
        for _ in range(FEWEST_LOOKS):
            trail.reach(400_000, BEHIND)
        until(lambda: trail.at == 300_000)
        assert not trail.is_done
        trail.reach_all()
        until(lambda: trail.is_done)
        sha256, table = trail.proof()
    assert sha256 == digest(CONTENT)
    assert table.size == len(CONTENT)


def test_it_stays_behind_by_what_may_wait_to_be_written(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(500_000, 0)
        for _ in range(FEWEST_LOOKS):
            trail.reach(700_000, BEHIND - 1)
        assert trail.at == 0
        trail.reach(800_000, BEHIND)
        until(lambda: trail.at == 500_000)


def test_it_stays_a_few_looks_behind_however_much_comes(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(500_000, 0)
        for look in range(1, FEWEST_LOOKS):
            trail.reach(700_000, look * BEHIND)
        assert trail.at == 0
        trail.reach(700_000, FEWEST_LOOKS * BEHIND)
        until(lambda: trail.at == 500_000)


def test_it_goes_on_after_some_looks_though_nothing_more_comes(file: Path) -> None:
    with SwarmTrail(file, len(CONTENT)) as trail:
        trail.reach(500_000, 500_000)
        for _ in range(MOST_LOOKS):
            assert trail.at == 0
            trail.reach(700_000, 700_000)
        until(lambda: trail.at == 500_000)


def test_a_file_that_ends_early_ends_it_without_trouble(tmp_path: Path, file: Path) -> None:
    with SwarmTrail(file, len(CONTENT) + 5) as trail:
        trail.reach_all()
        until(lambda: not trail.is_running)
        assert trail.at == len(CONTENT)


def test_a_file_that_does_not_read_is_its_trouble(tmp_path: Path) -> None:
    with SwarmTrail(tmp_path / "nowhere", 5) as trail:
        trail.reach_all()
        until(lambda: trail.is_done)
        assert isinstance(trail.trouble, CannotWrite)


def test_a_trail_that_read_too_early_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = digest(b"what lay there a moment before")
    monkeypatch.setattr(SwarmTrail, "proof", lambda trail: (wrong, trail._proof.table()))
    desk = SwarmDesk(tmp_path)
    torrent = desk.torrent()
    with desk.swarm(torrent) as swarm:
        delivery = desk.fetch(torrent.magnet(swarm.tracker.url))
        assert swarm.uploaded == SIZE
    assert delivery.sha256 == digest(desk.content)


def test_without_a_promise_the_file_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: SwarmTrail) -> tuple[Sha256, object]:
        raise AssertionError

    monkeypatch.setattr(SwarmTrail, "proof", never)
    desk = SwarmDesk(tmp_path)
    torrent = desk.torrent(piece=PIECE)
    with desk.swarm(torrent) as swarm:
        source = torrent.magnet(swarm.tracker.url)
        delivery = desk.fetch(source, File("unknown", (source,)))
    assert delivery.sha256 == digest(desk.content)
