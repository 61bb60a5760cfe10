"""A long link on loopback: a relay that delays, and lets so many bytes a second through.

Every connection has a rate of its own as well, which is what a lossy path does to it: a
sender that takes loss for congestion gets about MSS / RTT * 1.22 / sqrt(loss) (Mathis et
al. 1997). For 0.5 % loss and 80 ms that is 315 kB/s, 2.5 Mbit/s; curl got 3.1 on a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SEGMENT = 1460
PIECE = 16 * 1024
_LATE = 0.05


@dataclass(frozen=True)
class Link:
    """What the link is like."""

    rate: float
    """Bytes per second, of all connections together."""
    delay: float
    """Seconds from one end to the other and back."""
    loss: float = 0.0
    """Share of packets that get lost."""

    @property
    def connection_rate(self) -> float:
        """Bytes per second of one connection."""
        if not self.loss:
            return self.rate
        return SEGMENT / self.delay * 1.22 / math.sqrt(self.loss)


class _Bucket:
    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = time.monotonic()

    def when(self, count: int) -> float:
        """The moment at which so many more bytes are through."""
        # A timer that fires late must not make the link slower than it is said to be.
        self._free_at = max(self._free_at, time.monotonic() - _LATE) + count / self._rate
        return self._free_at


class _Relay:
    def __init__(self, link: Link, port: int) -> None:
        self._link = link
        self._port = port
        self._whole = _Bucket(link.rate)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._link.delay)  # the handshake
        behind = await asyncio.open_connection("127.0.0.1", self._port, limit=PIECE * 4)
        await asyncio.gather(
            self._pass(reader, behind[1], None),
            self._pass(behind[0], writer, _Bucket(self._link.connection_rate)),
            return_exceptions=True,
        )
        for each in (writer, behind[1]):
            each.close()

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, own: _Bucket | None
    ) -> None:
        # Bytes on their way: about as many as fit into the link, and a queue as long again.
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(
            max(4, int(2 * self._link.rate * self._link.delay / PIECE))
        )

        async def deliver() -> None:
            with contextlib.suppress(OSError):  # a client that has enough
                while (item := await under_way.get())[1]:
                    await asyncio.sleep(item[0] - time.monotonic())
                    sink.write(item[1])
                    await sink.drain()
                sink.write_eof()

        delivering = asyncio.ensure_future(deliver())
        while piece := await source.read(PIECE):
            moment = time.monotonic()
            if own is not None:
                moment = max(own.when(len(piece)), self._whole.when(len(piece)))
            await under_way.put((moment + self._link.delay / 2, piece))
            if own is not None:
                await asyncio.sleep(moment - time.monotonic())
        await under_way.put((0.0, b""))
        await delivering


@contextmanager
def shaped(link: Link, port: int) -> Iterator[int]:
    """The port of a relay to another port of this machine."""
    loop = asyncio.new_event_loop()
    relay = _Relay(link, port)
    server = loop.run_until_complete(
        asyncio.start_server(relay.serve, "127.0.0.1", 0, limit=PIECE * 4)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        server.close()
        loop.close()
