"""An answer as it is spoken: streamed to stdout, stopped by Ctrl-C, the wait for it shown."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from herd.chat import Conversation
from herd.cli.session import Session
from herd.cli.terminal import is_terminal
from herd.model import Sampling
from herd.words import count

if TYPE_CHECKING:
    from types import FrameType

    from herd.answer import Answer

PATIENCE = 1.0
"""Seconds without a word after which the wait is shown."""
TICK = 0.1
FRAMES = "|/-\\"
CLEAR = "\r\x1b[K"


class Voice:
    """Speaks answers, all drawn in the same way."""

    def __init__(self, session: Session, sampling: Sampling) -> None:
        self._session = session
        self._sampling = sampling

    def answer(self, conversation: Conversation, *, is_silent: bool = False) -> Answer:
        """Speak the answer to the last turn, to its end or to Ctrl-C.

        Args:
            conversation: It ends with the question.
            is_silent: Whether stdout gets nothing.

        Raises:
            HerdError: as the engine; what came so far is on the screen.
        """
        stop = threading.Event()
        answer = self._session.herd.ask(conversation, self._sampling, stop)
        with stopping(stop), waiting(self._session, f"{conversation.model} …") as ended:
            try:
                for text in answer:
                    ended()
                    if not is_silent:
                        self._session.stream(text)
            finally:
                ended()
                if answer.text and not is_silent:
                    self._session.stream("\n")
        self._remark(answer)
        return answer

    def _remark(self, answer: Answer) -> None:
        """Say what the words alone do not show."""
        say = self._session.say
        if answer.began and answer.began.left_out:
            say(f"({count(answer.began.left_out, 'old turn')} no longer fit and were left out.)")
        match answer.finished.reason if answer.finished else None:
            case "length":
                say("(Cut: --max-tokens is reached.)")
            case "context":
                say("(Cut: the context is full.)")
            case "loop":
                say("(Cut: it said the same again and again.)")
            case "stopped":
                say("(Stopped.)")


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
