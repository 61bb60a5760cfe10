"""Whose turn it is."""

from __future__ import annotations

import asyncio

import pytest

from herd.serve.turns import Full, Turns, WaitedTooLong


async def served_in_order(turns: Turns, asking: list[str]) -> list[str]:
    """Everybody asks at once, in this order; who was served when."""
    order: list[str] = []

    async def ask(client: str) -> None:
        async with turns.turn(client[0]):
            order.append(client)
            await asyncio.sleep(0)

    async with turns.turn("someone else"):
        tasks = [asyncio.create_task(ask(client)) for client in asking]
        while turns.waiting < len(asking):
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return order


async def test_clients_are_served_one_after_the_other() -> None:
    turns = Turns(at_once=1, longest=10, patience=10)

    order = await served_in_order(turns, ["a1", "a2", "a3", "b1", "c1", "b2"])

    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_no_more_than_so_many_are_served_at_once() -> None:
    turns = Turns(at_once=2, longest=10, patience=10)
    at_work = most = 0

    async def ask(client: str) -> None:
        nonlocal at_work, most
        async with turns.turn(client):
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0)
            at_work -= 1

    await asyncio.gather(*(ask(str(at)) for at in range(8)))

    assert most == 2
    assert turns.waiting == 0


async def test_one_more_than_may_wait_is_told_so() -> None:
    turns = Turns(at_once=1, longest=1, patience=10)

    async with turns.turn("a"):
        waits = asyncio.create_task(served_in_order(turns, []))
        while not turns.waiting:
            await asyncio.sleep(0)
        with pytest.raises(Full):
            async with turns.turn("c"):
                pass
    await waits


async def test_nobody_waits_for_ever() -> None:
    turns = Turns(at_once=1, longest=10, patience=0.01)

    async with turns.turn("a"):
        with pytest.raises(WaitedTooLong):
            async with turns.turn("b"):
                pass

    async with turns.turn("c"):
        assert turns.waiting == 0


async def test_who_leaves_while_waiting_takes_no_turn() -> None:
    turns = Turns(at_once=1, longest=10, patience=10)
    async with turns.turn("a"):
        waits = asyncio.create_task(served_in_order(turns, []))
        while not turns.waiting:
            await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    async with turns.turn("c"):
        assert turns.waiting == 0
