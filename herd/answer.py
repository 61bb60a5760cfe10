"""An answer under way: what the engine says, and the turn that it makes so far."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from herd.chat import Conversation, Role, Stamp, Turn, begun
from herd.engine import Began, Engine, Extras, Finished, Loadable, Piece, Text, Thinking
from herd.model import Sampling

DEFAULT_SAMPLING = Sampling(
    temperature=0.7, top_k=40, top_p=0.95, min_p=0.05, repeat_penalty=1.0, repeat_last_n=64
)
"""Where neither the person nor the registry says otherwise: llama.cpp's, a bit cooler."""


class Answer:
    """The answer to the last turn of a conversation: iterate over it for its text.

    Where the last turn is an answer that is not complete, the model goes on with that one.
    Whatever ends it (the model, `stop`, an error that the iterator raises), `turn` is
    what was said so far, so that nothing that was on the screen is lost.
    """

    def __init__(
        self,
        engine: Engine,
        model: Loadable,
        conversation: Conversation,
        stop: threading.Event | None = None,
        extras: Extras | None = None,
        digest: str | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            engine: Who runs the model.
            model: The model.
            conversation: It ends with the question.
            stop: Set it to end the answer.
            extras: Tools, schemas and the like.
            digest: The sha256 of the model, for the stamp of the turn.
        """
        self.stop = stop or threading.Event()
        """Set it to end the answer."""
        self.began: Began | None = None
        """What became of the prompt, once the model has read it."""
        self.finished: Finished | None = None
        """How it ended, once it did."""
        self.thought = ""
        """What the model thought so far before it answered."""
        self.hear: Callable[[str], None] = lambda _: None
        """Called with each piece of a thought, between two texts."""
        self.meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext
        """Entered while the answer comes."""
        self._engine = engine
        self._extras = extras
        self._model = model
        self.goes_on = begun(conversation.turns)
        """The turn that is gone on with, None for an answer that begins."""
        self._turns = tuple(turn.spoken for turn in conversation.turns)
        wanted = model.sampling.over(DEFAULT_SAMPLING)
        seed = random.getrandbits(31) if wanted.seed is None else wanted.seed
        self._stamp = Stamp(replace(wanted, seed=seed), digest)
        self._texts: list[str] = []
        self._since: float | None = None

    def __iter__(self) -> Iterator[str]:
        with self.meanwhile():
            yield from self._spoken()

    def _spoken(self) -> Iterator[str]:
        for piece in self._pieces(self._stamp.sampling):
            match piece:
                case Began():
                    self.began = piece
                case Thinking(text):
                    self.thought += text
                    self.hear(text)
                case Text(text):
                    self._since = self._since or time.monotonic()
                    self._texts.append(text)
                    yield text
                case Finished():
                    self.finished = piece

    def _pieces(self, sampling: Sampling) -> Iterator[Piece]:
        extras = () if self._extras is None else (self._extras,)
        return self._engine.answer(self._model, self._turns, sampling, self.stop, *extras)

    @property
    def is_speaking(self) -> bool:
        """Whether something of it came."""
        return bool(self._texts)

    @property
    def text(self) -> str:
        """What was said so far."""
        before = self.goes_on.text if self.goes_on else ""
        return before + "".join(self._texts)

    @property
    def turn(self) -> Turn:
        """What was said so far, as a turn of the conversation."""
        done, before = self.finished, self.goes_on
        tokens, seconds = (done.tokens, done.seconds) if done else (None, None)
        if before and tokens is not None and seconds is not None:
            tokens, seconds = tokens + (before.tokens or 0), seconds + (before.seconds or 0.0)
        thoughts = [before.thought if before else "", self.thought.strip()]
        return Turn(
            Role.ASSISTANT,
            self.text.strip(),
            model=self._model.reference,
            is_complete=done is not None and done.reason in ("stop", "loop"),
            tokens=tokens,
            seconds=seconds,
            thought="\n\n".join(filter(None, thoughts)),
            stamp=self._stamp,
        )
