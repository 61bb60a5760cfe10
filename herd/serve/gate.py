"""Who may come in: the right host, the right origin, the right token. An ASGI layer.

A server on loopback is reached by every web page that the person opens, too: a page can
send requests to it blindly, or by a name that resolves to 127.0.0.1. So the Host header
must name this server, and a request that carries an Origin must come from an allowed one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import json
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from herd.serve import ollama_out, openai_out

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("herd.serve.access")

OPEN = ("/", "/health")
"""What is told to everybody who asks."""
_METHODS = b"GET, POST, DELETE, OPTIONS"
_PATIENCE = 1.0
"""Seconds for which the body of a request that is refused is waited for."""
_MOST_UNREAD = 256 * 1024
"""Bytes of it that are read."""


@dataclass(frozen=True)
class Rules:
    """Who may come in."""

    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1"})
    """What the Host header may say; empty: anything."""
    origins: frozenset[str] = frozenset()
    """Origins of web pages that may ask, as `https://host:port`; `*` is all."""
    token: str | None = None
    """What `Authorization: Bearer` must say; None: nobody is asked."""


@dataclass
class Gate:
    """Lets requests through or answers them itself, and writes the access log."""

    app: ASGIApp
    rules: Rules
    count: Callable[[str, int], None] = field(default=lambda *_: None)
    """Told the path and the status of every request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, as ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        origin = headers.get("origin")

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *self._cors(origin)]
            await send(message)

        try:
            refusal = self._refusal(scope, headers)
            if refusal is not None:
                await _let_arrive(receive)
                await _answer(scope["path"], refusal, sent)
            elif scope["method"] == "OPTIONS":
                await _empty(sent)
            else:
                await self.app(scope, receive, sent)
        finally:
            self.count(scope["path"], status)
            took = (time.monotonic() - begun) * 1000
            log.info("%s %s %d %.0f ms", scope["method"], _shown(scope["path"]), status, took)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """The status and the sentence with which this request is turned away."""
        if {"content-length", "transfer-encoding"} <= headers.keys():
            return 400, "A body has one length: Content-Length or Transfer-Encoding, not both."
        host = _host(headers.get("host", ""))
        if self.rules.hosts and host not in self.rules.hosts:
            return 403, f"This server does not answer as {host or 'nobody'}."
        origin = headers.get("origin")
        if origin is not None and not self._is_allowed(origin):
            return 403, f"Pages of {origin} may not ask; `herd serve --cors {origin}` lets them."
        if self.rules.token is None or scope["path"] in OPEN or scope["method"] == "OPTIONS":
            return None
        kind, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip().encode("latin-1", "replace")
        if kind.lower() == "bearer" and hmac.compare_digest(given, self.rules.token.encode()):
            return None
        return 401, "A token is needed: send `Authorization: Bearer TOKEN`."

    def _is_allowed(self, origin: str) -> bool:
        return bool({"*", origin} & self.rules.origins)

    def _cors(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        if origin is None or not self._is_allowed(origin):
            return []
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", b"authorization, content-type"),
            (b"vary", b"origin"),
        ]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def error(path: str, status: int, message: str, field: str | None = None) -> dict[str, Any]:
    """An error in the dialect of the path."""
    if path.startswith("/api/"):
        return ollama_out.error(message)
    return openai_out.error(status, message, field)


def route(path: str, known: Collection[str]) -> str:
    """The path for counting: what nobody knows is one route, whatever strangers ask for."""
    if path in known:
        return path
    return "/v1/models/{id}" if path.startswith("/v1/models/") else "other"


async def _let_arrive(receive: Receive) -> None:
    """Read what a request still sends, so far as it is small and comes soon.

    A connection that is closed with bytes unread is reset, and the reset takes the answer along.
    """
    read = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while read <= _MOST_UNREAD:
                message = await receive()
                read += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


async def _answer(path: str, refusal: tuple[int, str], send: Send) -> None:
    status, message = refusal
    body = json.dumps(error(path, status, message)).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _empty(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _host(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _shown(path: str) -> str:
    """The path as a log may have it: short, and no control characters."""
    return "".join(each if each.isprintable() else "?" for each in path[:120])
