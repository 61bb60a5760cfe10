"""The web application: both dialects behind one gate."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from herd import __version__
from herd.core import Herd
from herd.engine.door import Door
from herd.errors import HerdError
from herd.serve.desk import Desk, told
from herd.serve.gate import Gate, Rules, error, route
from herd.serve.ollama_routes import Ollama
from herd.serve.openai_routes import OpenAI
from herd.serve.reading import BadRequest
from herd.serve.reply import Refused
from herd.serve.turns import Turns

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

AT_ONCE = 1
"""Answers at the same time."""
LONGEST_QUEUE = 64
PATIENCE = 600.0
"""Seconds that a request may wait for its turn."""


def application(herd: Herd, rules: Rules, turns: Turns | None = None) -> ASGIApp:
    """The server's application; it closes the herd when it ends.

    Args:
        herd: What is served.
        rules: Who may come in.
        turns: The queue; tests give shorter ones.
    """
    desk = Desk(herd, turns or Turns(at_once=AT_ONCE, longest=LONGEST_QUEUE, patience=PATIENCE))
    routes = [
        Route("/", _root, methods=["GET"]),
        Route("/health", _health, methods=["GET"]),
        Route("/metrics", _metrics(desk), methods=["GET"]),
        *OpenAI(desk).routes,
        *Ollama(desk).routes,
    ]

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        door = Door(herd.engine, herd.places.door)
        await asyncio.to_thread(door.open)
        yield
        door.close()
        herd.close()

    app = Starlette(
        routes=routes,
        lifespan=life,
        exception_handlers=dict.fromkeys((HerdError, BadRequest, Refused, HTTPException), _failed),
    )
    paths = frozenset(each.path for each in routes)

    def count(path: str, status: int) -> None:
        desk.metrics.requests[route(path, paths), status] += 1

    return Gate(app, rules, count)


async def _failed(request: Request, raised: Exception) -> Response:
    if isinstance(raised, HTTPException):
        status, words = raised.status_code, f"{request.url.path} is not served here."
        if status == 405:
            words = f"{request.url.path} does not take {request.method}."
        return JSONResponse(error(request.url.path, status, words), status)
    refused = told(raised)
    content = error(request.url.path, refused.status, refused.message, refused.field)
    # What of the body did not come yet is not read any more.
    headers = {"connection": "close"} if refused.status in (408, 413) else None
    return JSONResponse(content, refused.status, headers)


async def _root(_: Request) -> Response:
    return PlainTextResponse("herd is running")


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


def _metrics(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def metrics(_: Request) -> Response:
        text = desk.metrics.text(waiting=desk.turns.waiting, loaded=len(desk.loaded()))
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return metrics
