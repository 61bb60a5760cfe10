"""A herd with fakes at its two ends, the app over it, and a hand on its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from herd.fit import Needs, Placement, Verdict
from herd_tui.app import HerdApp
from tests.tui.hand import Hand
from tests.tui.shelf import MEMORY, Given, given_at

FREE = 100_000_000_000
"""Bytes of the disk."""
PLACED = Placement(
    Verdict.FITS,
    context=4096,
    gpu_layers=0,
    layers=2,
    cache="f16",
    has_whole_windows=True,
    is_mapped=True,
    device="CPU",
    needs=Needs(1, 1, 1, 1),
    why=("context 4,096", "on the CPU: 38 MB of 8.00 GB"),
)
"""How every model would be loaded."""
MOMENT = "2026-03-14T09:26:53+00:00"

Opening = Callable[..., AbstractAsyncContextManager[Hand]]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Given]:
    monkeypatch.setattr("herd.chat.now", lambda: MOMENT)
    monkeypatch.setattr("herd.record.now", lambda: MOMENT)
    monkeypatch.setattr("herd.store.Store.free", lambda _: FREE)
    monkeypatch.setattr("herd.core.Herd.placement", lambda *_: PLACED)
    given = given_at(tmp_path)
    yield given
    for gate in (*given.carrier.gates.values(), given.engine.gate):
        if gate:
            gate.set()
    given.herd.close()


@pytest.fixture
def opened(given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opening:
    """Open the app: `async with opened(size=(80, 24)) as hand`."""

    @asynccontextmanager
    async def opening(
        *, size: tuple[int, int] = (80, 24), model: str | None = None, theme: str = "textual-dark"
    ) -> AsyncIterator[Hand]:
        app = HerdApp(given.herd, model, memory=MEMORY, clock=lambda: 0.0)
        app.theme = theme
        hand = Hand(app, tmp_path)
        monkeypatch.setattr(app, "NOTIFICATION_TIMEOUT", 600)
        async with app.run_test(
            size=size, notifications=True, message_hook=hand.messages.append
        ) as pilot:
            hand.pilot = pilot
            await hand.settle()
            yield hand

    return opening


@pytest.fixture
def chatting(given: Given, opened: Opening) -> Opening:
    """Open the app in a chat with the one model that is installed."""
    given.install("vicuna")
    return partial(opened, model="vicuna:q4_0")
