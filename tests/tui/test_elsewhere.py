"""Downloads of other herds in the transfers pane."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from herd.downloads import Asked, Wanted, _since
from tests.tui.conftest import Opening
from tests.tui.shelf import Given
from tests.tui.test_transfers import pane, pane_names

Runs = Callable[[str], None]


@pytest.fixture
def other(given: Given) -> Iterator[Runs]:
    """Another process, and what it says that it is half done with."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def runs(model: str) -> None:
        given.herd.downloads.put(f"{model}:q4_0", Asked(model))
        with closing(sqlite3.connect(given.herd.places.downloads)) as connection, connection:
            connection.execute(
                "UPDATE download SET stage = 'fetching', done = 30, total = 40, rate = 5,"
                " owner = ?, owner_since = ? WHERE text = ?",
                (process.pid, _since(process.pid), model),
            )

    with process:
        yield runs
        process.kill()


def wanted(given: Given) -> Wanted | None:
    entry = given.herd.downloads.find("vicuna:q4_0")
    return entry.wanted if entry else None


async def test_what_another_herd_downloads_is_shown_and_obeys(
    opened: Opening, given: Given, other: Runs
) -> None:
    async with opened() as hand:
        other("vicuna")
        await hand.sees("75 % 5 B/s 2 s")
        assert "fetching: elsewhere" in hand.screen
        await hand.command("app.show_transfers")
        await hand.looks_like("transfer-elsewhere")
        await hand.command("transfers.pause")
        await hand.until(lambda: wanted(given) is Wanted.PAUSE)
        await hand.command("transfers.cancel")
        await hand.until(lambda: wanted(given) is Wanted.CANCEL)
        given.herd.downloads.remove("vicuna:q4_0")  # as who runs it does

        await hand.until(lambda: not pane(hand).display)
        assert given.herd.transfers() == ()


async def test_ones_own_installs_stand_before_those_of_others(
    opened: Opening, given: Given, other: Runs
) -> None:
    given.hold("llama-small")
    other("vicuna")
    async with opened() as hand:
        await hand.sees("fetching: elsewhere")
        await hand.write("llama-small")
        await hand.press("enter")

        await hand.until(lambda: pane_names(hand) == ["llama-small", "vicuna"])


async def test_what_another_herd_has_queued_changes_places(
    opened: Opening, given: Given, other: Runs
) -> None:
    given.hold("llama-small")
    other("vicuna")
    other("alpaca")
    async with opened() as hand:
        await hand.write("llama-small")
        await hand.press("enter")
        await hand.until(lambda: pane_names(hand) == ["llama-small", "vicuna", "alpaca"])
        await hand.command("app.show_transfers")
        await hand.command("transfers.down")
        await hand.command("transfers.earlier")  # not before one's own
        await hand.command("transfers.later")

        await hand.until(lambda: pane_names(hand) == ["llama-small", "alpaca", "vicuna"])
        turns = [each.name for each in given.herd.downloads.all()]
        assert turns.index("alpaca:q4_0") < turns.index("vicuna:q4_0")


async def test_what_nobody_runs_any_more_goes_on_here(
    opened: Opening, given: Given, other: Runs
) -> None:
    async with opened() as hand:
        other("vicuna")
        await hand.sees("fetching: elsewhere")
        given.herd.downloads.let_go("vicuna:q4_0", Wanted.PAUSE)
        await hand.sees("paused: herd is gone")
        await hand.command("app.show_transfers")
        await hand.command("transfers.pause")

        await hand.sees("vicuna:q4_0 is installed")
        await hand.until(lambda: not pane(hand).display)
