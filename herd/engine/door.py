"""The door of an engine: other herds of the same person ask it over a local socket.

So a model that a server has loaded is not loaded once more. What is said is what an engine
and its child say to each other; a request is a Load, which names the model, and an Ask.
Only the person's own processes may knock: the socket lies in a folder of theirs, with mode
0600, and on Linux the user of the other side is looked at too.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from herd.engine.engine import Engine
from herd.engine.protocol import (
    Ask,
    Failed,
    Garbled,
    Load,
    Reply,
    Request,
    Sign,
    Stop,
    decode_request,
    encode,
)
from herd.engine.values import Loadable
from herd.errors import HerdError

LONGEST_REQUEST = 32 << 20
"""Bytes of a request; a conversation that fills the largest context has some hundred thousand."""

UNREAD_WITHIN = 30
"""Seconds that an asker may leave an answer unread: whoever stands still (Ctrl-Z) must not keep
the engine from the others."""

_SIGN_EVERY = 0.1
"""Seconds between two looks at how far a model is."""


class Door:
    """Lets others of the same person ask an engine."""

    def __init__(self, engine: Engine, path: Path) -> None:
        """Closed at first."""
        self._engine = engine
        self._path = path
        self._socket: socket.socket | None = None

    def open(self) -> bool:
        """Listen; False where another herd does already, or no socket can be made there."""
        if is_open(self._path):
            return False
        listening = socket.socket(socket.AF_UNIX)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                listening.bind(str(self._path))
            finally:
                os.umask(before)
            listening.listen(16)
        except OSError:  # a file system without sockets, a path that is too long for one
            listening.close()
            return False
        self._socket = listening
        self._engine.is_host = True
        threading.Thread(target=self._welcome, args=[listening], daemon=True).start()
        return True

    def close(self) -> None:
        """Listen no more; answers under way end with their askers."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
            self._engine.is_host = False
            self._path.unlink(missing_ok=True)

    def _welcome(self, listening: socket.socket) -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:  # closed
                return
            if _is_own(line):
                threading.Thread(target=self._serve, args=[line], daemon=True).start()
            else:
                line.close()

    def _serve(self, line: socket.socket) -> None:
        nonsense = (Garbled, ValueError, KeyError, TypeError, AttributeError, RecursionError)
        with line, contextlib.suppress(OSError, *nonsense):
            limit = struct.pack("ll", UNREAD_WITHIN, 0)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            _Visit(self._engine, line).run()


class _Visit:
    """One asker, from its first word until it goes."""

    def __init__(self, engine: Engine, line: socket.socket) -> None:
        self._engine = engine
        self._line = line
        self._stop = threading.Event()
        self._number = 0
        self._model: Loadable | None = None
        self._saying = threading.Lock()

    def run(self) -> None:
        """Answer what is asked; the asker's going ends the answer."""
        with self._line.makefile("rb") as said:
            for number, request in _requests(said.readline):
                if isinstance(request, Stop):
                    continue
                self._number, self._stop = number, threading.Event()
                listener = threading.Thread(target=self._listen, args=[self._stop], daemon=True)
                if isinstance(request, Ask):
                    listener.start()
                    self._answer(request)
                    return  # one answer for each visit: the listener has the line now
                self._load(request)

    def _load(self, request: Request) -> None:
        if isinstance(request, Load):
            self._model = request.model
            with self._telling(), self._signing(request.model.reference):
                self._say(self._engine.ensure(request.model, self._stop))

    def _answer(self, ask: Ask) -> None:
        if self._model is None:
            raise Garbled("an Ask before a Load")
        with self._telling(), self._signing(self._model.reference):
            pieces = self._engine.answer(
                self._model, ask.turns, ask.sampling, self._stop, ask.extras
            )
            for piece in pieces:
                self._say(piece)

    def _listen(self, stop: threading.Event) -> None:
        """Whatever comes now, a Stop or the end, ends the answer."""
        with contextlib.suppress(OSError):
            self._line.recv(1)
        stop.set()

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Errors are told to the asker."""
        try:
            yield
        except HerdError as error:
            self._say(Failed(type(error).__name__, error.message, error.hint))

    @contextlib.contextmanager
    def _signing(self, reference: str) -> Iterator[None]:
        """Meanwhile the asker is told how much is loaded, or read of the prompt."""
        over = threading.Event()
        sign = threading.Thread(target=self._sign, args=[reference, over], daemon=True)
        sign.start()
        try:
            yield
        finally:
            over.set()
            sign.join()

    def _sign(self, reference: str, over: threading.Event) -> None:
        told = None
        while not over.wait(_SIGN_EVERY):
            states = [each for each in self._engine.states if each.reference == reference]
            if states and states[0].fraction not in (None, told):
                told = states[0].fraction
                with contextlib.suppress(OSError):
                    self._say(Sign(float(told or 0.0)))

    def _say(self, reply: Reply) -> None:
        with self._saying:
            self._line.sendall(encode(self._number, reply))


def is_open(path: Path) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(path))
        except OSError:
            return False
        return True


def _requests(readline: Callable[[int], bytes]) -> Iterator[tuple[int, Request]]:
    while line := readline(LONGEST_REQUEST):
        if not line.endswith(b"\n"):
            raise Garbled("a request without end")
        yield decode_request(line)


def _is_own(line: socket.socket) -> bool:
    """Whether the other side runs as the same user; where the system does not say, it does."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    said = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", said)[1] == os.getuid())
