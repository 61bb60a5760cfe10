"""Peers that share one address: two people behind one router."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.tools.swarm import PIECE, Seed, own_host
from tests.tools.swarm_peer import Peer, poisoned
from tests.tools.swarm_tracker import HttpTracker
from tests.tools.wait import until
from tests.transfer.swarm_desk import SIZE, SwarmDesk


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """A peer that takes connections and says nothing: a program that hangs."""
    with socket.create_server((own_host(), 0)) as server:
        yield server


@pytest.mark.parametrize("is_dead", [False, True], ids=["hangs", "dead"])
@pytest.mark.parametrize("is_first", [False, True], ids=["second", "first"])
def test_one_that_gives_nothing_does_not_hide_the_other(
    swarm_desk: SwarmDesk, mute: socket.socket, is_first: bool, is_dead: bool
) -> None:
    torrent = swarm_desk.torrent()
    bad: tuple[str, int] = mute.getsockname()
    if is_dead:
        mute.close()
    with (
        Seed(torrent, swarm_desk.shelf, host=bad[0]) as seed,
        HttpTracker(*([bad, seed.address] if is_first else [seed.address, bad])) as tracker,
    ):
        swarm_desk.fetch(torrent.magnet(tracker.url))
        until(lambda: seed.uploaded == SIZE)
    assert swarm_desk.part == swarm_desk.content


def test_liars_behind_one_address_are_banned_as_those_of_many(swarm_desk: SwarmDesk) -> None:
    torrent, host = swarm_desk.torrent(), own_host()
    liars = [Peer(torrent, swarm_desk.content, poisoned, host=host) for _ in range(8)]
    with (
        ExitStack() as stack,
        Seed(torrent, swarm_desk.shelf, rate=8 * PIECE) as seed,
        HttpTracker(*[each.address for each in liars], seed.address) as tracker,
    ):
        for each in liars:
            stack.enter_context(each)
        swarm_desk.fetch(torrent.magnet(tracker.url))
        assert sum(each.sent for each in liars) <= SIZE
    assert swarm_desk.part == swarm_desk.content
