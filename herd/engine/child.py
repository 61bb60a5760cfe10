"""The process that owns llama.cpp: requests come on stdin, replies go where stdout was.

It ends when its stdin does, so it never outlives the process that started it, however
that one ended. What llama.cpp and Python print goes to stderr, which is the log.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from herd.engine.header import is_gguf
from herd.engine.protocol import (
    Ask,
    Embed,
    Failed,
    Load,
    Look,
    Reply,
    Request,
    Sign,
    Stop,
    decode_request,
    encode,
)
from herd.engine.running import Presence
from herd.engine.stop_flag import StopFlag
from herd.engine.values import Finished, Loadable, Reason
from herd.errors import EngineFailed, HerdError

if TYPE_CHECKING:
    from herd.engine.talker import Talker

_PR_SET_PDEATHSIG = 1

_LEAVES_WITHIN = 2.0
"""Seconds for what is under way when the process is asked to end."""


class Child:
    """Answers requests one after the other; `stop` is heard at once."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self._requests = requests
        self._replies = replies
        self._stop = StopFlag()
        self._todo: queue.SimpleQueue[tuple[int, Request]] = queue.SimpleQueue()
        self._number = 0
        self._signed = 0.0
        self._talker: Talker | None = None
        self._presence: Presence | None = None

    def run(self) -> None:
        """Serve until stdin ends, which ends the process."""
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._mind, daemon=True).start()
        self._get_ready()
        while True:
            self._number, request = self._todo.get()
            self._stop.begin(self._number)
            try:
                self._serve(request)
            except HerdError as error:
                self._say(Failed(type(error).__name__, error.message, error.hint))
            self._show("ready")

    def _get_ready(self) -> None:
        """Do what every load needs before anybody waits for it: a tenth of a second."""
        with contextlib.suppress(ImportError, OSError, RuntimeError):
            import herd.engine.answering
            import herd.engine.talker  # noqa: F401
            from herd.engine.template import TemplateFailed, warm_up

            if self._todo.empty():
                with contextlib.suppress(TemplateFailed):  # a machine that is very busy
                    warm_up()

    def _listen(self) -> None:
        """Take requests as they come, also while the main thread is deep in llama.cpp."""
        try:
            for line in self._requests:
                number, request = decode_request(line)
                if isinstance(request, Stop):
                    self._stop.stop(number)
                else:
                    self._todo.put((number, request))
        finally:
            self._end()

    def _mind(self) -> None:
        """SIGTERM asks for a good end: what is under way is stopped and said to be."""
        signal.sigwait([signal.SIGTERM])
        self._stop.stop(1 << 62)
        self._todo.put((0, Stop()))
        time.sleep(_LEAVES_WITHIN)
        self._end()

    def _end(self) -> None:
        if self._presence:
            self._presence.clear()
        os._exit(0)

    def _show(self, phase: str) -> None:
        if self._presence and self._talker:
            self._presence.show(phase)

    def _serve(self, request: Request) -> None:
        match request:
            case Load():
                self._load(request)
            case Ask():
                self._answer(request)
            case Embed():
                self._embed(request)
            case Look():
                self._look(request)
            case Stop():
                self._end()

    def _look(self, request: Look) -> None:
        try:
            from herd.engine.loading import machine
        except (ImportError, OSError, RuntimeError) as error:
            raise _without_llama_cpp(error) from error
        self._say(machine(request.rpc))

    def _load(self, request: Load) -> None:
        if self._talker:
            self._talker.close()
            self._talker = None
        _refuse_at_once(request.model)
        try:
            from herd.engine.talker import Talker
        except (ImportError, OSError, RuntimeError) as error:
            raise _without_llama_cpp(error) from error
        self._talker = Talker(request, self._stop, self._moved)
        if request.settings.running:
            self._presence = Presence(Path(request.settings.running), self._talker.ready)
        self._say(self._talker.ready)

    def _answer(self, request: Ask) -> None:
        if not self._talker:
            raise EngineFailed("No model is loaded.")
        from herd.engine.answering import Answering

        self._show("talking")
        for piece in Answering(self._talker, request, self._stop).pieces():
            self._say(piece)

    def _embed(self, request: Embed) -> None:
        if not self._talker:
            raise EngineFailed("No model is loaded.")
        llama, began = self._talker.llama, time.monotonic()
        for text in request.texts:
            if self._stop.is_set:
                break
            self._say(llama.vectors.of(llama.tokens(text)))
        reason: Reason = "stopped" if self._stop.is_set else "stop"
        self._say(Finished(reason, 0, time.monotonic() - began, 0.0))

    def _moved(self, fraction: float) -> None:
        """Say how far the loading is, ten times a second at most."""
        now = time.monotonic()
        if now - self._signed >= 0.1:
            self._signed = now
            self._say(Sign(fraction))

    def _say(self, reply: Reply) -> None:
        try:
            self._replies.write(encode(self._number, reply))
            self._replies.flush()
        except BrokenPipeError:  # nobody is there any more
            self._end()


def _refuse_at_once(model: Loadable) -> None:
    """Say of what is no model that it is none, before llama.cpp says something else."""
    again = f"Remove it and install it again: `herd remove {model.reference}`."
    try:
        if is_gguf(model.path):
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EngineFailed(f"{model.reference} cannot be read: {reason}.", again) from error
    raise EngineFailed(f"{model.reference} is damaged: its file is no GGUF file.", again)


def _without_llama_cpp(error: Exception) -> EngineFailed:
    """It is not installed, or its library does not fit this machine."""
    from herd.engine.load_failures import what_it_lacks

    said = " ".join(str(error).split()).rstrip(".")
    return EngineFailed(f"llama-cpp-python does not load: {said}.", what_it_lacks(said))


def _die_with_parent() -> None:
    """Ask Linux to end this process with the thread that started it, which waits for it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _note(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
    """An error that nobody expected goes to the log without its message: it may quote a prompt."""
    traceback.print_tb(trace)
    sys.stderr.write(f"{kind.__name__}\n")


def main() -> None:
    """Serve, with llama.cpp's output kept away from the replies."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # a thread of its own waits for it
    sys.excepthook = _note
    _die_with_parent()
    Child(sys.stdin.buffer, replies).run()


if __name__ == "__main__":
    main()
