"""Whose turn it is: a few at a time, clients one after the other, nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Full(Exception):
    """So many wait already that one more would only wait in vain."""


class WaitedTooLong(Exception):
    """Its turn did not come in time."""


class Turns:
    """Requests wait here for the engine. Belongs to one event loop.

    A client that sends ten requests at once waits for its second until every other
    client that waits has had one.
    """

    def __init__(self, *, at_once: int, longest: int, patience: float) -> None:
        """Nobody waits yet.

        Args:
            at_once: Requests that are served at the same time.
            longest: Requests that may wait.
            patience: Seconds that one may wait.
        """
        self._free = at_once
        self._longest = longest
        self._patience = patience
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return sum(len(each) for each in self._waiting.values())

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for one's turn, and have it until the context ends.

        Raises:
            Full: too many wait.
            WaitedTooLong: the turn did not come in time.
        """
        await self._come(client)
        try:
            yield
        finally:
            self._go()

    async def _come(self, client: str) -> None:
        if self._free:
            self._free -= 1
            return
        if self.waiting >= self._longest:
            raise Full
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(called)
        try:
            await asyncio.wait_for(asyncio.shield(called), self._patience)
        except BaseException as error:
            self._leave(client, called)
            if isinstance(error, TimeoutError):
                raise WaitedTooLong from error
            raise

    def _leave(self, client: str, called: asyncio.Future[None]) -> None:
        """Wait no longer; a turn that came in this very moment goes to the next."""
        if called.done():
            self._go()
            return
        called.cancel()
        mine = self._waiting[client]
        mine.remove(called)
        if not mine:
            del self._waiting[client]

    def _go(self) -> None:
        """Call the first of the client that was served longest ago."""
        if not self._waiting:
            self._free += 1
            return
        client, mine = self._waiting.popitem(last=False)
        called = mine.popleft()
        if mine:
            self._waiting[client] = mine
        called.set_result(None)
