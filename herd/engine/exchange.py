"""One request to the child and the replies to it, with everything that can go wrong between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from herd import errors
from herd.engine.load_failures import how_it_died, why_it_died
from herd.engine.process import Died, Process
from herd.engine.protocol import Ask, Embed, Failed, Garbled, Load, Look, Reply, Stop
from herd.engine.values import Finished, Machine, Ready, Text, Thinking
from herd.errors import EngineCrashed, EngineFailed, HerdError, Interrupted

STOPS_WITHIN = 5.0
"""Seconds that a child has to leave what it does; then it is killed."""

SOON = 0.05
"""Seconds after which nobody waits any longer for a child that has said nothing of an answer yet:
it may be deep in an image, where one operation takes seconds. The next request waits for it."""

_GLANCE = 0.03
"""Seconds between two looks at the stop event."""


@dataclass(frozen=True)
class Terms:
    """Under which terms a request is made."""

    reference: str
    """The model that messages speak of."""
    stop: threading.Event
    """Set by whoever wants it to end."""
    patience: float
    """Seconds that the child may be silent."""
    log: Path


class Exchange:
    """A request under way; it is over with Ready, Finished, Failed or the child's death."""

    def __init__(self, process: Process, request: Load | Ask | Embed | Look, terms: Terms) -> None:
        self._process = process
        self._terms = terms
        self._is_loading = isinstance(request, Load)
        self._is_unsaid = isinstance(request, Ask)
        """Whether it is an answer of which no word has come."""
        self._left_at: float | None = None
        self._is_over = False
        self._silence = 0.0
        self._number = process.send(request)

    def replies(self) -> Iterator[Reply]:
        """What the child says, up to the last of it.

        Raises:
            EngineFailed: the child could not do it.
            EngineCrashed: the child died, hung or spoke nonsense; it is dead now.
            Interrupted: `stop` was set, and there is nothing to say about the rest.
        """
        while not self._is_over:
            if self._terms.stop.is_set():
                self._leave()
            if self._is_left:
                yield Finished("stopped", tokens=0, seconds=0.0, first_token_seconds=0.0)
                return
            reply = self._next()
            if isinstance(reply, Failed):
                raise told(reply)
            if reply:
                yield reply

    def end(self) -> bool:
        """Leave it if it is not over: afterwards the child is free again, or dead.

        Returns:
            Whether it is; if not, `settle` waits for it.
        """
        if not self._is_over:
            self._leave()
        self._drain()
        return self._is_over

    def settle(self) -> None:
        """Wait for a child that was left: afterwards it is free again, or dead."""
        self._is_unsaid = False
        if self._left_at is not None:  # what it said meanwhile has yet to be heard
            self._left_at = max(self._left_at, time.monotonic() - STOPS_WITHIN + 1.0)
        self._drain()

    @property
    def _is_left(self) -> bool:
        """Whether nobody waits for its end."""
        left_at = self._left_at if self._is_unsaid else None
        return left_at is not None and time.monotonic() - left_at > SOON

    def _drain(self) -> None:
        try:
            while not self._is_over and not self._is_left:
                self._next()
        except (EngineFailed, Interrupted):
            self._is_over = True

    def _leave(self) -> None:
        if self._left_at is None:
            self._left_at = time.monotonic()
            self._process.send(Stop(), self._number)

    def _next(self) -> Reply | None:
        """The next reply to this request, None after a glance without one."""
        began = time.monotonic()
        try:
            received = self._process.receive(_GLANCE)
        except (Died, Garbled) as end:
            self._is_over = True
            raise self._crash(end) from None
        now = time.monotonic()
        reply = received[1] if received and received[0] == self._number else None
        self._is_over = isinstance(reply, Machine | Ready | Finished | Failed)
        self._is_unsaid = self._is_unsaid and not isinstance(reply, Text | Thinking)
        # Only waiting counts as silence: whoever reads slowly makes no child hang.
        self._silence = 0.0 if reply else self._silence + now - began
        if not self._is_over:
            self._end_what_hangs(now)
        return reply

    def _end_what_hangs(self, now: float) -> None:
        if self._left_at is not None and now - self._left_at > STOPS_WITHIN:
            self._kill()
            raise Interrupted(f"{self._terms.reference} had to be stopped by force.")
        if self._silence > self._terms.patience:
            self._kill()
            raise EngineCrashed(
                f"The engine hung while {self._doing} and was ended.", self._next_step
            )

    def _kill(self) -> None:
        self._is_over = True
        self._process.kill()

    def _crash(self, end: Died | Garbled) -> EngineCrashed | Interrupted:
        if self._process.is_closing:
            return Interrupted(f"The engine was closed while {self._doing}.")
        if isinstance(end, Garbled):
            message = f"The engine spoke nonsense while {self._doing} and was ended."
            return EngineCrashed(message, self._next_step)
        said = self._process.said()
        why = why_it_died(end.code, loading=self._is_loading, said=said)
        message = f"The engine died ({how_it_died(end.code)}) while {self._doing}{why}."
        return EngineCrashed(message, self._next_step)

    @property
    def _doing(self) -> str:
        reference = self._terms.reference
        return f"loading {reference}" if self._is_loading else f"{reference} was answering"

    @property
    def _next_step(self) -> str:
        then = "Try again or take another model" if self._is_loading else "Ask again"
        return f"{then}: a new engine starts by itself; {self._terms.log} has what it said."


def told(failed: Failed) -> HerdError:
    """The error that the child speaks of, if it is one that a child may speak of."""
    kind = getattr(errors, failed.error, None)
    if isinstance(kind, type) and issubclass(kind, EngineFailed | Interrupted):
        return kind(failed.message, failed.hint)
    return EngineFailed(failed.message, failed.hint)
