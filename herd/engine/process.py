"""The parent's side of the child process: started, spoken to, heard, and ended for certain."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, BinaryIO

from herd.engine.protocol import (
    LONGEST_REPLY,
    Garbled,
    Reply,
    Request,
    decode_reply,
    encode,
)
from herd.errors import EngineFailed

COMMAND = (sys.executable, "-P", "-m", "herd.engine.child")
"""-P: the folder that a person stands in is no place to import from."""

LARGEST_LOG = 4 << 20
"""Bytes; a larger log becomes `<name>.1` when the next child starts."""

_TAIL = 1 << 16
_WRITE_WITHIN = 10.0
_END_WITHIN = 1.0


class Died(Exception):
    """The child is gone."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
        """Its exit status; negative: the signal that killed it."""


class Process:
    """One child from its start to its end.

    A thread of its own starts the child, hears it and waits for it. Linux ends a child
    that asked for it when the *thread* that started it ends, so that thread must be one
    that stays.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Start it.

        Raises:
            EngineFailed: the system does not let it start.
        """
        self._command = list(command)
        self._log = log
        self._log_begins = 0
        self._number = 0
        self._writing = threading.Lock()
        self._replies: queue.SimpleQueue[tuple[int, Reply] | Died | Garbled] = queue.SimpleQueue()
        self.is_closing = False
        """Whether its end was wanted."""
        born: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()
        self._life = threading.Thread(target=self._live, args=[born], name="engine", daemon=True)
        self._life.start()
        child = born.get()
        if isinstance(child, OSError):
            raise EngineFailed(f"The engine does not start: {child.strerror}.") from child
        self._child = child

    @property
    def is_alive(self) -> bool:
        """Whether it can still be spoken to."""
        return not self.is_closing and self._child.poll() is None and self._life.is_alive()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def send(self, request: Request, number: int | None = None) -> int:
        """Say something; a child that is dead or deaf is told of by `receive`.

        Args:
            request: What to say.
            number: The number of the request that it is about; a new one by default.

        Returns:
            The number, which the replies carry.
        """
        with self._writing:
            if number is None:
                self._number += 1
                number = self._number
            if not _pipe(self._child.stdin).closed:
                self._write(encode(number, request))
        return number

    def receive(self, seconds: float) -> tuple[int, Reply] | None:
        """The next reply and the number of its request, None if none comes in time.

        Raises:
            Died: the child is gone, and everything that it said was received.
            Garbled: it said what is no reply, and was killed for it.
        """
        try:
            reply = self._replies.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(reply, Died | Garbled):
            raise reply
        return reply

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()
        self._life.join()

    def close(self) -> None:
        """End it: first its stdin, which is enough for one that listens; then by force."""
        self.is_closing = True
        if self._writing.acquire(timeout=_END_WITHIN):
            with contextlib.suppress(OSError):
                _pipe(self._child.stdin).close()
            self._writing.release()
        for force in (self._child.terminate, self._child.kill):
            self._life.join(_END_WITHIN)
            if not self._life.is_alive():
                return
            force()
        self._life.join()

    def said(self) -> str:
        """The end of what it wrote to the log."""
        try:
            with self._log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_begins, size - _TAIL))
                return file.read(_TAIL).decode(errors="replace")
        except OSError:
            return ""

    def _live(self, born: queue.SimpleQueue[subprocess.Popen[bytes] | OSError]) -> None:
        try:
            child = self._spawn()
        except OSError as error:
            born.put(error)
            return
        born.put(child)
        garbled: Garbled | None = None
        try:
            self._hear(_pipe(child.stdout))
        except Garbled as error:
            garbled = error
            child.kill()
        code = self._reap(child)
        self._replies.put(garbled or Died(code))

    def _spawn(self) -> subprocess.Popen[bytes]:
        with _opened(self._log) as log:
            self._log_begins = log.seek(0, os.SEEK_END)
            popen = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the parent
                env=surroundings(os.environ),
            )
        os.set_blocking(_pipe(popen.stdin).fileno(), False)
        return popen

    def _hear(self, stdout: IO[bytes]) -> None:
        while line := stdout.readline(LONGEST_REPLY):
            if not line.endswith(b"\n"):
                if len(line) < LONGEST_REPLY:
                    return  # it died in the middle of a word
                raise Garbled("a line without end")
            self._replies.put(decode_reply(line))

    def _reap(self, child: subprocess.Popen[bytes]) -> int:
        try:
            code = child.wait(_END_WITHIN)
        except subprocess.TimeoutExpired:  # it closed its stdout and went on
            child.kill()
            code = child.wait()
        with self._writing, contextlib.suppress(OSError):
            _pipe(child.stdin).close()
        _pipe(child.stdout).close()
        return code

    def _write(self, line: bytes) -> None:
        """Write to a child that may not read: it is killed if it does not for too long."""
        pipe = _pipe(self._child.stdin).fileno()
        poll = select.poll()
        poll.register(pipe, select.POLLOUT)
        rest, end = memoryview(line), time.monotonic() + _WRITE_WITHIN
        while rest and time.monotonic() < end:
            poll.poll(100)
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return
        if rest:
            self._child.kill()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise OSError("no pipe")  # Popen was asked for it
    return pipe


def _opened(log: Path) -> BinaryIO:
    """The log, for appending; nothing at all where it cannot be written."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if log.stat().st_size > LARGEST_LOG:
                log.replace(log.with_name(f"{log.name}.1"))
        return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
    except OSError:
        return Path(os.devnull).open("ab")


def surroundings(own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child.

    On an abort ggml would start a debugger, which takes seconds and prints prompts.

    llama.cpp's threads meet after every operation. Where another program has one of the
    processors, GNU OpenMP's threads turn on the spot for what is left of their time: beside one
    busy process SmolLM2 on two cores wrote 9 tokens/s. With the count that libgomp takes
    itself where threads outnumber processors it wrote 29, and on an idle machine as many as
    before (within 4 %). Sleeping at once (OMP_WAIT_POLICY=passive) cost 60 % there.

    Args:
        own: This process's; what the person chose there holds.
    """
    patience = {} if "OMP_WAIT_POLICY" in own else {"GOMP_SPINCOUNT": "1000"}
    return patience | dict(own) | {"GGML_NO_BACKTRACE": "1"}
