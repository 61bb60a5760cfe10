"""Replies that end when their client does: lines as they come, or one body at the end.

The status is not sent before there is something to send, so that what fails before the
first word is an error with a status of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

LARGEST_BODY = 8 << 20
"""Bytes; a conversation that fills the largest context has some hundred thousand."""
BODY_WITHIN = 30.0
"""Seconds in which a body must have come."""

SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"


class Refused(Exception):
    """A request that gets a status instead of an answer."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field


class Reply:
    """An ASGI response made of what a generator yields."""

    def __init__(
        self,
        lines: AsyncGenerator[bytes],
        media: str,
        *,
        told: Callable[[Exception], Refused],
        render: Callable[[Refused], dict[str, Any]],
        gone: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            lines: What to send; closed when the client goes.
            media: The content type.
            told: What an error that `lines` raises means.
            render: An error as the dialect writes it.
            gone: Called when the client left before the end.
        """
        self._lines = lines
        self._media = media
        self._told = told
        self._render = render
        self._gone = gone

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send it, as ASGI has it."""
        pump = asyncio.ensure_future(self._pump(send))
        watch = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({pump, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not pump.done():
                self._gone()
        finally:
            for task in (pump, watch):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _pump(self, send: Send) -> None:
        is_begun = False
        async with aclosing(self._lines) as lines:
            try:
                async for line in lines:
                    if not is_begun:
                        await _begin(send, 200, self._media)
                        is_begun = True
                    if line:
                        await _more(send, line)
            except Exception as error:  # noqa: BLE001  # `told` logs what nobody foresaw
                refused = self._told(error)
                await self._fail(send, refused, is_begun=is_begun)
                return
        await send({"type": "http.response.body", "body": b""})

    async def _fail(self, send: Send, refused: Refused, *, is_begun: bool) -> None:
        body = json.dumps(self._render(refused)).encode()
        if not is_begun:
            await _begin(send, refused.status, JSON)
        elif self._media == SSE:
            body = b"data: " + body + b"\n\n"
        elif self._media == NDJSON:
            body += b"\n"
        await send({"type": "http.response.body", "body": body})


async def body(request: Request) -> bytes:
    """The whole body of a request.

    Raises:
        Refused: it is too large, or does not come in time.
    """
    too_large = Refused(413, f"The body is larger than {LARGEST_BODY >> 20} MiB.")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length[:20]) > LARGEST_BODY:
        raise too_large
    parts = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for part in request.stream():
                parts += part
                if len(parts) > LARGEST_BODY:
                    raise too_large
    except TimeoutError as error:
        raise Refused(408, f"The body did not come within {BODY_WITHIN:.0f} seconds.") from error
    return bytes(parts)


async def _begin(send: Send, status: int, media: str) -> None:
    headers = [(b"content-type", media.encode()), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _more(send: Send, line: bytes) -> None:
    await send({"type": "http.response.body", "body": line, "more_body": True})
    await asyncio.sleep(0)  # words that are there already must not keep the loop for themselves


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
