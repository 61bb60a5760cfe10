"""The routes of OpenAI's API (`/v1/...`)."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from herd.serve import openai_in, openai_out
from herd.serve.asks import Ask
from herd.serve.desk import Desk
from herd.serve.outcome import Outcome
from herd.serve.reading import read
from herd.serve.reply import JSON, SSE, Reply, body

if TYPE_CHECKING:
    from starlette.requests import Request


class OpenAI:
    """What is answered in OpenAI's dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def routes(self) -> list[Route]:
        """Where each is asked for."""
        return [
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/models/{name:path}", self.model, methods=["GET"]),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/completions", self.completions, methods=["POST"]),
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
        ]

    async def models(self, _: Request) -> Response:
        """What is installed."""
        return JSONResponse(openai_out.models(await self._desk.installed()))

    async def model(self, request: Request) -> Response:
        """One of them."""
        installed = await self._desk.answering.find(request.path_params["name"])
        return JSONResponse(openai_out.model(installed))

    async def chat(self, request: Request) -> Reply:
        """An answer to a conversation."""
        ask, form = openai_in.chat(read(await body(request)))
        return await self._reply(request, ask, form, is_chat=True)

    async def completions(self, request: Request) -> Reply:
        """A text that goes on."""
        ask, form = openai_in.completion(read(await body(request)))
        return await self._reply(request, ask, form, is_chat=False)

    async def embeddings(self, request: Request) -> Reply:
        """Vectors of texts."""
        item = read(await body(request))
        ask = openai_in.embeddings(item)
        is_base64 = item.text("encoding_format", "float") == "base64"

        async def lines() -> AsyncGenerator[bytes]:
            vectors = await self._desk.answering.embed(ask, self._desk.client(request))
            values = [_packed(each.values) if is_base64 else each.values for each in vectors]
            tokens = sum(each.tokens for each in vectors)
            yield json.dumps(openai_out.embeddings(ask.model, values, tokens)).encode()

        return self._desk.reply(request, lines(), JSON)

    async def _reply(
        self, request: Request, ask: Ask, form: openai_in.Form, *, is_chat: bool
    ) -> Reply:
        installed = await self._desk.answering.find(ask.model)
        shape = openai_out.Shape(str(installed.reference), is_chat)
        answer = self._desk.answering.answer(ask, self._desk.client(request))

        async def stream() -> AsyncGenerator[bytes]:
            is_open = False
            async for part in answer:
                if not is_open:
                    is_open = True
                    yield shape.first()
                if isinstance(part, Outcome):
                    yield shape.last(part, has_usage=form.has_usage)
                else:
                    yield shape.part(part)

        async def whole() -> AsyncGenerator[bytes]:
            async for part in answer:
                if isinstance(part, Outcome):
                    yield json.dumps(shape.whole(part)).encode()

        lines = stream() if form.is_stream else whole()
        return self._desk.reply(request, lines, SSE if form.is_stream else JSON)


def _packed(values: Sequence[float]) -> str:
    """float32, little-endian, in base64: the form that OpenAI's own client asks for."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
