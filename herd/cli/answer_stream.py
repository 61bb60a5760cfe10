"""An answer as it is spoken: streamed to stdout, stopped by Ctrl-C, the wait for it shown."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from herd.chat import Conversation
from herd.cli.session import Session
from herd.cli.terminal import DIM, is_terminal, plain, styled, width
from herd.cli.wrapping import Wrapping
from herd.engine.values import ASKED, NO_TEMPLATE, OWN_TEMPLATE, REGISTRY_TEMPLATE
from herd.fit import Verdict
from herd.model import Sampling
from herd.words import count

if TYPE_CHECKING:
    from types import FrameType

    from herd.answer import Answer
    from herd.engine import Extras

PATIENCE = 1.0
"""Seconds without a word after which the wait is shown."""
TICK = 0.1
FRAMES = "|/-\\"
CLEAR = "\r\x1b[K"


class Voice:
    """Speaks answers, all drawn in the same way."""

    def __init__(self, session: Session, sampling: Sampling, extras: Extras | None = None) -> None:
        self._session = session
        self._sampling = sampling
        self._extras = extras
        self._remarked: set[str] = set()
        self.keeps = False
        """Whether conversations are kept, so that the app shows them too."""

    def answer(self, conversation: Conversation, *, is_silent: bool = False) -> Answer:
        """Speak the answer to the last turn, to its end or to Ctrl-C.

        Args:
            conversation: It ends with the question.
            is_silent: Whether stdout gets nothing.

        Raises:
            HerdError: as the engine; what came so far is on the screen, and kept if it is to be.
        """
        stop = threading.Event()
        if self._session.herd.engine.is_visiting:
            self._remark_once("(Answered by the herd that serves, with what it has loaded.)")
        answer = self._session.herd.ask(conversation, self._sampling, stop, self._extras)
        try:
            self._speak(answer, self._waited_for(conversation.model), is_silent=is_silent)
        finally:
            if self.keeps and answer.text:
                self._session.herd.history.save(conversation.with_turn(answer.turn))
        self._remark(answer)
        return answer

    def _waited_for(self, model: str | None) -> str:
        """What a wait for the first word is a wait for."""
        loaded = self._session.herd.engine.loaded
        is_loaded = loaded is not None and loaded.reference == model
        return f"{model} is reading …" if is_loaded else f"loading {model} …"

    def _speak(self, answer: Answer, waited_for: str, *, is_silent: bool) -> None:
        show = self._session.streaming()
        with stopping(answer.stop), waiting(self._session, waited_for) as ended:
            thought = Thought(self._session, ended)
            answer.hear = thought.hear
            try:
                for text in answer:
                    ended()
                    thought.end()
                    self._remark_template()
                    if not is_silent:
                        show(text)
            finally:
                ended()
                thought.end()
                if answer.text and not is_silent:
                    show("\n")

    def _remark_template(self) -> None:
        """Say it before the first word when a model speaks by a template that is a guess."""
        loaded = self._session.herd.engine.loaded
        if loaded is None or loaded.template in (OWN_TEMPLATE, REGISTRY_TEMPLATE):
            return
        if loaded.template.startswith(NO_TEMPLATE):
            self._remark_once(
                f"({loaded.reference} has no chat template: it goes on with the text.)"
            )
        elif not loaded.template.endswith(ASKED):
            self._remark_once(
                f"({loaded.reference} has no chat template of its own: it gets {loaded.template}; "
                "--template NAME takes another.)"
            )

    def _remark(self, answer: Answer) -> None:
        """Say what the words alone do not show."""
        from herd.engine import gpus

        say = self._session.say
        loaded = self._session.herd.engine.loaded
        if loaded and loaded.context and loaded.verdict == Verdict.SHORTENED:
            self._remark_once(f"({loaded.reference}: {loaded.why[0]}.)")
        if answer.began and answer.began.left_out:
            say(f"({count(answer.began.left_out, 'old turn')} no longer fit and were left out.)")
        match answer.finished.reason if answer.finished else None:
            case "length":
                say("(Cut: --max-tokens is reached.)")
            case "context":
                say("(Cut: the context is full.)")
            case "loop":
                say("(Cut: it said the same again and again.)")
        if advice := gpus.advice(self._session.herd.places.cache / "gpu-said"):
            self._remark_once(advice)

    def _remark_once(self, text: str) -> None:
        if text not in self._remarked:
            self._remarked.add(text)
            self._session.say(text)


class Thought:
    """What a model thinks before it answers: dim, on a terminal's stderr, never on stdout."""

    def __init__(self, session: Session, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._is_shown = not session.is_quiet and is_terminal(sys.stderr)
        self._is_open = False
        self._wrapping = Wrapping()

    def hear(self, text: str) -> None:
        """The next piece."""
        if self._is_shown:
            self._ended()
            self._is_open = True
            shown = plain(text)
            if os.environ.get("TERM") != "dumb":
                shown = self._wrapping.put(shown, width())
            sys.stderr.write(styled(shown, DIM, sys.stderr))
            sys.stderr.flush()

    def end(self) -> None:
        """The answer begins."""
        if self._is_open:
            self._is_open = False
            sys.stderr.write("\n\n")
            sys.stderr.flush()


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C sets the event; a second one interrupts whatever goes on, as it does elsewhere."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def once(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        stop.set()

    before = signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def waiting(session: Session, text: str) -> Iterator[Callable[[], None]]:
    """Show on a terminal that something is waited for, until what is yielded is called."""
    ended = threading.Event()
    if session.is_quiet or not is_terminal(sys.stderr):
        yield ended.set
        return
    shower = threading.Thread(target=_turn, args=(text, ended), daemon=True)

    def end() -> None:
        ended.set()
        shower.join()

    shower.start()
    try:
        yield end
    finally:
        end()


def _turn(text: str, ended: threading.Event) -> None:
    if ended.wait(PATIENCE):
        return
    turned = 0
    while not ended.wait(TICK):
        sys.stderr.write(f"{CLEAR}{FRAMES[turned % len(FRAMES)]} {text}")
        sys.stderr.flush()
        turned += 1
    sys.stderr.write(CLEAR)
    sys.stderr.flush()
