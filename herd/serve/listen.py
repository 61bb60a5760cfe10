"""The listening: uvicorn, with bounds for clients that are slow, silent or too many."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from herd.errors import BadUsage

if TYPE_CHECKING:
    from starlette.types import ASGIApp

MOST_CONNECTIONS = 256
"""Open at the same time; one more is closed at once."""
REQUEST_WITHIN = 15.0
"""Seconds in which the head of a request must have come."""
READ_WITHIN = 30.0
"""Seconds that a client may leave an answer unread."""
LARGEST_HEAD = 64 << 10
"""Bytes of a request line and its headers."""


class Bounded(H11Protocol):
    """uvicorn's HTTP/1.1, for clients that may be hostile."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or close it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._give(REQUEST_WITHIN)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the head of a request must come in time."""
        if self._timer is None and self.conn.their_state is h11.IDLE:
            self._give(REQUEST_WITHIN)
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._calm()

    def pause_writing(self) -> None:
        """The client does not read: it must go on in time."""
        super().pause_writing()
        self._give(READ_WITHIN)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._calm()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._calm()
        super().connection_lost(exc)

    def _give(self, seconds: float) -> None:
        self._calm()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bound(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        BadUsage: the address cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise BadUsage(
            f"herd cannot listen on {host} port {port}: {error.strerror or error}.",
            "Take another one: `herd serve --port N`.",
        ) from error
    listening.setblocking(False)
    return listening


class Server(uvicorn.Server):
    """Serves an app on a socket until it is told to end."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Bounded,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=3,
                h11_max_incomplete_event_size=LARGEST_HEAD,
            )
        )

    def end(self) -> None:
        """Stop serving; answers under way are cut off after three seconds."""
        self.should_exit = True
