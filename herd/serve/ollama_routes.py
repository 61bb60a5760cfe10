"""The routes of Ollama's API (`/api/...`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from herd import __version__
from herd.install import Order
from herd.jobs import Job
from herd.serve import ollama_in, ollama_out
from herd.serve.asks import Ask, Embed
from herd.serve.desk import Desk
from herd.serve.outcome import Outcome
from herd.serve.reading import Item, read
from herd.serve.reply import JSON, NDJSON, Reply, body

if TYPE_CHECKING:
    from starlette.requests import Request

LEVEL = "0.12.0"
"""The version of Ollama whose requests are understood; clients compare it."""
_TICK = 0.1


class Ollama:
    """What is answered in Ollama's dialect."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def routes(self) -> list[Route]:
        """Where each is asked for."""
        return [
            Route("/api/tags", self.tags, methods=["GET"]),
            Route("/api/ps", self.running, methods=["GET"]),
            Route("/api/version", self.version, methods=["GET"]),
            Route("/api/show", self.show, methods=["POST"]),
            Route("/api/chat", self.chat, methods=["POST"]),
            Route("/api/generate", self.generate, methods=["POST"]),
            Route("/api/embed", self.embed, methods=["POST"]),
            Route("/api/embeddings", self.embedding, methods=["POST"]),
            Route("/api/pull", self.pull, methods=["POST"]),
            Route("/api/delete", self.delete, methods=["DELETE"]),
        ]

    async def tags(self, _: Request) -> Response:
        """What is installed."""
        return JSONResponse(ollama_out.tags(await self._desk.installed()))

    async def running(self, _: Request) -> Response:
        """What is loaded."""
        held = {str(each.reference): each for each in await self._desk.installed()}
        now = datetime.now(UTC)
        loaded = [
            ollama_out.running(held[state.reference], state, now)
            for state in self._desk.loaded()
            if state.reference in held
        ]
        return JSONResponse({"models": loaded})

    async def version(self, _: Request) -> Response:
        """Which Ollama this behaves like, and which herd it is."""
        return JSONResponse({"version": LEVEL, "herd": __version__})

    async def show(self, request: Request) -> Response:
        """Everything about one model."""
        name = ollama_in.model(read(await body(request)))
        installed = await self._desk.answering.find(name)
        known: dict[str, Any] = {
            "general.architecture": installed.family or "",
            "general.name": installed.title,
        }
        if installed.context:
            known |= {f"{installed.family or 'model'}.context_length": installed.context}
        return JSONResponse(ollama_out.show(installed, installed.template or "", known))

    async def chat(self, request: Request) -> Reply:
        """An answer to a conversation."""
        item = read(await body(request))
        return await self._reply(request, item, ollama_in.chat(item), is_chat=True)

    async def generate(self, request: Request) -> Reply:
        """An answer to a question, or a text that goes on."""
        item = read(await body(request))
        return await self._reply(request, item, ollama_in.generate(item), is_chat=False)

    async def embed(self, request: Request) -> Reply:
        """Vectors of texts."""
        ask = ollama_in.embed(read(await body(request)))

        async def lines() -> AsyncGenerator[bytes]:
            vectors = await self._vectors(request, ask)
            found = {
                "model": ask.model,
                "embeddings": [each.values for each in vectors],
                "prompt_eval_count": sum(each.tokens for each in vectors),
            }
            yield json.dumps(found).encode()

        return self._desk.reply(request, lines(), JSON)

    async def embedding(self, request: Request) -> Reply:
        """The vector of one text, as older clients ask for it."""
        ask = ollama_in.embed(read(await body(request)), "prompt")

        async def lines() -> AsyncGenerator[bytes]:
            vectors = await self._vectors(request, ask)
            yield json.dumps({"embedding": vectors[0].values if vectors else []}).encode()

        return self._desk.reply(request, lines(), JSON)

    async def pull(self, request: Request) -> Reply:
        """Install a model of herd's registry; what it asks acceptance for is refused here."""
        item = read(await body(request))
        is_stream = item.truth("stream", default=True)
        choice = await asyncio.to_thread(self._desk.offered, ollama_in.model(item))
        job = self._desk.herd.start(Order(choice))
        digest = choice.variant.files[0].sha256

        async def lines() -> AsyncGenerator[bytes]:
            if is_stream:
                yield ollama_out.line({"status": "pulling manifest"})
            async for said in _followed(job, digest):
                if is_stream:
                    yield said
            if job.error:
                raise job.error
            yield ollama_out.line({"status": "success"})

        return self._desk.reply(request, lines(), NDJSON if is_stream else JSON)

    async def delete(self, request: Request) -> Response:
        """Remove an installed model."""
        name = ollama_in.model(read(await body(request)))
        installed = await self._desk.answering.find(name)
        await asyncio.to_thread(self._desk.herd.remove, installed)
        return JSONResponse({})

    async def _vectors(self, request: Request, ask: Embed) -> tuple[Any, ...]:
        if not ask.texts:
            await self._desk.answering.load(ask.model, self._desk.client(request))
            return ()
        return await self._desk.answering.embed(ask, self._desk.client(request))

    async def _reply(self, request: Request, item: Item, ask: Ask, *, is_chat: bool) -> Reply:
        is_stream = item.truth("stream", default=True)
        installed = await self._desk.answering.find(ask.model)
        shape = ollama_out.Shape(str(installed.reference), is_chat)
        if not ask.turns and ask.prompt is None:
            return self._desk.reply(request, self._loading(request, ask, shape), JSON)
        answer = self._desk.answering.answer(ask, self._desk.client(request))

        async def lines() -> AsyncGenerator[bytes]:
            async for part in answer:
                if isinstance(part, Outcome):
                    yield shape.last(part) if is_stream else ollama_out.line(shape.whole(part))
                elif is_stream:
                    yield shape.part(part)
            self._desk.keep(ask.model, ask.keep_alive)

        return self._desk.reply(request, lines(), NDJSON if is_stream else JSON)

    async def _loading(
        self, request: Request, ask: Ask, shape: ollama_out.Shape
    ) -> AsyncGenerator[bytes]:
        """A request without a question loads the model, or with keep_alive 0 lets it go."""
        is_unloaded = ask.keep_alive == 0
        if is_unloaded:
            await asyncio.to_thread(self._desk.unload, ask.model)
        else:
            await self._desk.answering.load(ask.model, self._desk.client(request))
            self._desk.keep(ask.model, ask.keep_alive)
        yield ollama_out.line(shape.loaded(is_unloaded=is_unloaded))


async def _followed(job: Job, digest: str | None) -> AsyncGenerator[bytes]:
    """A line whenever something moved, until the job is over."""
    last: dict[str, Any] = {}
    while not job.is_over:
        now = ollama_out.pulling(job.progress(), digest)
        if now != last:
            last = now
            yield ollama_out.line(now)
        await asyncio.sleep(_TICK)
