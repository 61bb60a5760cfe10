"""What both dialects need: the herd, who asks, and replies in the right words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from herd.core import Herd
from herd.engine import State
from herd.errors import (
    BadUsage,
    Busy,
    DigestMismatch,
    EngineFailed,
    HerdError,
    Interrupted,
    LicenceNotAccepted,
    NoRoom,
    NoSourceDelivered,
    Unanswerable,
    UnknownModel,
)
from herd.model import Choice, Installed, reference
from herd.serve import gate
from herd.serve.answering import Answering
from herd.serve.metrics import Metrics
from herd.serve.reading import BadRequest
from herd.serve.reply import Refused, Reply
from herd.serve.turns import Full, Turns, WaitedTooLong

if TYPE_CHECKING:
    from starlette.requests import Request

log = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[HerdError], int], ...] = (
    (UnknownModel, 404),
    (BadUsage, 400),
    (LicenceNotAccepted, 403),
    (Busy, 409),
    (NoRoom, 507),
    (NoSourceDelivered, 502),
    (DigestMismatch, 502),
    (Interrupted, 503),
    (Unanswerable, 400),
    (EngineFailed, 500),
)


class Desk:
    """Where requests of both dialects arrive."""

    def __init__(self, herd: Herd, turns: Turns) -> None:
        self.herd = herd
        self.turns = turns
        self.metrics = Metrics()
        self.answering = Answering(herd, turns, self.metrics)

    async def installed(self) -> tuple[Installed, ...]:
        """What can be asked."""
        held = await asyncio.to_thread(self.herd.store.installed)
        return tuple(each for each in held if each.format.is_runnable)

    def offered(self, name: str) -> Choice:
        """What the registry has under this name; only names: no addresses, no paths.

        Raises:
            UnknownModel: nothing.
        """
        return self.herd.registry.find(reference(name))

    def loaded(self) -> tuple[State, ...]:
        """The models that are loaded now."""
        return tuple(state for state in self.herd.engine.states if state.ready is not None)

    def unload(self, name: str) -> None:
        """Let a loaded model go."""
        self.herd.engine.stop(str(self.herd.installed(name).reference))

    def keep(self, name: str, seconds: float | None) -> None:
        """Say how long a loaded model stays without being used; infinity: for good."""
        if seconds is not None:
            kept = None if seconds == float("inf") else seconds
            self.herd.engine.keep(str(self.herd.installed(name).reference), kept)

    def client(self, request: Request) -> str:
        """Who asks, for the queue."""
        return request.client.host if request.client else "?"

    def reply(self, request: Request, lines: AsyncGenerator[bytes], media: str) -> Reply:
        """A reply in the dialect of the request."""

        def render(refused: Refused) -> dict[str, Any]:
            return gate.error(request.url.path, refused.status, refused.message, refused.field)

        return Reply(lines, media, told=told, render=render, gone=self._gone)

    def _gone(self) -> None:
        self.metrics.gone += 1


def told(error: Exception) -> Refused:
    """What an error means for the client; what nobody foresaw is logged and says no more."""
    match error:
        case Refused():
            return error
        case BadRequest():
            return Refused(400, error.message, error.field)
        case Full():
            return Refused(503, "Too many requests wait already; try again in a moment.")
        case WaitedTooLong():
            return Refused(503, "The model was busy for too long; try again.")
        case HerdError():
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
            return Refused(status, f"{error.message} {error.hint or ''}".strip())
    log.error("unexpected %s", type(error).__name__, exc_info=error.with_traceback(None))
    return Refused(500, "Something unexpected happened; herd.log says what.")
