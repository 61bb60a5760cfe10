"""Mirrors that fail in ways drawn by chance, all at once: the digest holds, and it ends."""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest

from herd.model import UrlSource
from herd.transfer import board
from herd.transfer.carrier import Wish
from tests.tools.http_server import Faults, FileServer
from tests.transfer.desk import Desk, digest, promise, within

CONTENT = b"GGUF" + bytes(range(251)) * 12_000
SIZE = len(CONTENT)


def any_faults(chance: random.Random) -> Faults:
    """Some trouble that ends after so many answers."""
    near = chance.randrange(1, 400_000)
    kind = chance.randrange(9)
    times = chance.randrange(1, 30)
    return [
        Faults(),
        Faults(reset_after=near, times=times),
        Faults(end_after=near, times=times),
        Faults(stall_after=near, times=min(times, 4)),
        Faults(splits_ranges=near, times=times),
        Faults(status=chance.choice([429, 500, 503, 404]), times=times),
        Faults(ignores_ranges=True, end_after=near, times=times),
        Faults(shifts_ranges=True),
        Faults(rate=chance.randrange(20_000, 3_000_000), times=times),
    ][kind]


@pytest.mark.parametrize("seed", range(6))
def test_one_good_mirror_among_any_is_enough(
    desk: Desk, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LEAST", "FIRST"):
        monkeypatch.setattr(board, name, 64 * 1024)  # many claims of a small file
    chance = random.Random(seed)
    wrong = bytearray(CONTENT)
    wrong[chance.randrange(SIZE)] ^= 1
    with ExitStack() as running:
        servers = [running.enter_context(FileServer(CONTENT, f"127.0.0.{at}")) for at in (2, 3, 4)]
        for server in servers:
            server.faults, server.keeps_alive = any_faults(chance), chance.random() < 0.5
        if chance.random() < 0.5:
            servers[0].content = bytes(wrong)
        good = running.enter_context(FileServer(CONTENT, "127.0.0.5"))
        good.faults = Faults(rate=2_000_000)
        sources = [UrlSource(server.url) for server in (*servers, good)]
        chance.shuffle(sources)
        wish = Wish(
            promise(*sources, content=CONTENT),
            sources[0],
            desk.staged,
            desk.gauge,
            desk.stop,
            tuple(sources[1:]),
        )
        with within(60):
            delivery = desk.http.fetch(wish)
        assert delivery.sha256 == digest(CONTENT)
        assert desk.staged.part.read_bytes() == CONTENT
        assert sum(share.size for share in delivery.shares) == SIZE
        sent = sum(server.bytes_sent for server in (*servers, good))
        assert sent <= 6 * SIZE
