"""The digest of a file that grows, at once, and the hashes of its pieces when a processor is free.

Where the network brings a file as fast as the processors can take it, the two digests of
`herd.hashing` cost it a quarter of its speed. Only one of them is waited for: that of the whole
file. So a child process takes that one, and a child of its own, which asks for nothing but idle
time, the hashes of the pieces. What it has not done when all else is, both do together.

The child maps the file that its parent writes, and is told which bytes are there. It imports
little, because it must be there at once, and it cannot take its parent along: a file that
somebody cuts short while it is mapped ends the child alone.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
import struct
import sys
import time
from contextlib import suppress
from typing import NoReturn

from herd.child_python import ChildPython
from herd.hashing import Hasher, Here, marked
from herd.pieces import Table, TableMaker, piece_size_of

WORTH = 64 * 1024 * 1024
"""Bytes of a file from which on a process of its own is worth its start."""

AT_ONCE = 64 * 1024 * 1024
"""Bytes that a process of its own takes at one request, at most: between two it waits for a thread
of its parent, which others keep busy."""

_ASKED = struct.Struct("<cQQ")
_TAKE, _BACK, _RESTART, _DIGEST, _LEFT, _TABLE = b"t", b"b", b"r", b"d", b"l", b"p"
_COUNT = struct.Struct("<Q")
_DONE = b"."
_HASH = 32
_SHORT = bytes(_HASH)
"""Instead of a mark: the bytes are not there."""
_IDLE = 19
_READ = 1 << 16
_CROWDED = 1.3
"""Times the processor that a piece took: who waited longer for it was in somebody's way."""
_REST, _LONGEST_REST = 10, 0.5
"""Times what such a piece took, and seconds at most, that are left to others then."""
_MAPPED = 1 << 24
"""Bytes of a file that are mapped at a time: they count as this process's memory."""
_FEW = 4
"""Pieces after which whoever waits is told how many are left."""


class Apart:
    """In processes of their own."""

    def __init__(self, file: int, size: int, known: Table | None = None) -> None:
        """Start them; POSIX only.

        Args:
            file: A descriptor of the file.
            size: Bytes that it is going to have.
            known: Its pieces, where somebody has proved them already.

        Raises:
            OSError: the system does not let them start.
        """
        self._size, self._known = size, known
        words = (file, size, int(known is None))
        self._child = ChildPython("herd.late_hashing", *words, files=(file,))
        self._piece = piece_size_of(size)

    @property
    def process(self) -> int:
        """Its number."""
        return self._child.process

    @property
    def at_once(self) -> int:
        """As Hasher.at_once."""
        return max(1, AT_ONCE // self._piece) * self._piece

    def take(self, at: int, length: int) -> list[bytes] | None:
        """As Hasher.take."""
        found = [self._ask(_TAKE, _HASH, at, length)]
        if found[0] == _SHORT:
            return None
        return found + [self._child.read(_HASH) for _ in range(self._piece, length, self._piece)]

    def back(self) -> None:
        """As Hasher.back."""
        self._ask(_BACK, len(_DONE))

    def restart(self) -> None:
        """As Hasher.restart."""
        self._ask(_RESTART, len(_DONE))

    def digest(self) -> bytes:
        """As Hasher.digest."""
        return self._ask(_DIGEST, _HASH)

    def left(self) -> int:
        """As Hasher.left."""
        if self._known is not None:
            return 0
        return int(_COUNT.unpack(self._ask(_LEFT, _COUNT.size))[0])

    def table(self) -> Table:
        """As Hasher.table."""
        if self._known is not None:
            return self._known
        hashes = self._ask(_TABLE, _HASH * -(-self._size // self._piece))
        return Table(self._size, self._piece, hashes)

    def wake(self) -> None:
        """As Hasher.wake."""
        self._child.kill()

    def close(self) -> None:
        """As Hasher.close."""
        self._child.close()

    def _ask(self, what: bytes, answer: int, at: int = 0, length: int = 0) -> bytes:
        self._child.ask(_ASKED.pack(what, at, length))
        return self._child.read(answer)


def begin(file: int, size: int, known: Table | None = None) -> Hasher:
    """Whatever hashes a file of this size best. As Apart, but for the errors.

    The descriptor stays open until the hasher is closed.
    """
    if size >= WORTH and os.name == "posix" and sys.executable:
        try:
            return Apart(file, size, known)
        except OSError:
            pass  # no more processes: slower, and right as well
    return Here(file, size)


class _Pieces:
    """The hashes of a file's pieces, from one mapped piece after the other."""

    def __init__(self, file: int, size: int) -> None:
        self._file, self.size = file, size
        self._maker = TableMaker(size)
        self.length = piece_size_of(size)
        self.count = -(-size // self.length)

    def end(self, index: int) -> int:
        """Where a piece ends."""
        return min((index + 1) * self.length, self.size)

    def hash(self, index: int) -> bytes:
        """Of a piece that is there; a file that is cut short meanwhile ends the process."""
        at = index * self.length
        with (
            mmap.mmap(self._file, self.end(index) - at, prot=mmap.PROT_READ, offset=at) as mapped,
            memoryview(mapped) as view,
        ):
            return self._maker.hash_piece(view)


class _Idle:
    """The child's child, seen from its parent."""

    def __init__(self, pieces: _Pieces) -> None:
        """Fork it."""
        self._pieces = pieces
        theirs, self._told = os.pipe()
        self._found, answers = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            # Whoever waits for this process's parent must not wait for this one.
            for each in (0, 1, self._told, self._found):
                os.close(each)
            _idle(pieces, theirs, answers)
        os.close(theirs)
        os.close(answers)
        os.set_blocking(self._told, False)
        os.set_blocking(self._found, False)
        self._hashes = bytearray()
        self._own: list[bytes] = []
        self._is_over = False

    def reach(self, size: int) -> None:
        """So many bytes from the beginning are there."""
        if not self._is_over:
            with suppress(OSError):  # far behind, or gone: the rest is done in the end
                os.write(self._told, _COUNT.pack(size))
            self._hear()

    def left(self) -> int:
        """All bytes are there: hash a few pieces, from the end on; how many bytes are left."""
        self.reach(self._pieces.size)
        for _ in range(_FEW):
            if (missing := self._missing()) > 0:
                self._own.append(self._pieces.hash(self._pieces.count - 1 - len(self._own)))
                self._hear()
        if missing <= 0:
            self.end()
        return max(0, missing) * self._pieces.length

    def all(self) -> bytes:
        """The hashes of all pieces, once none is left."""
        theirs = self._hashes[: _HASH * (self._pieces.count - len(self._own))]
        return bytes(theirs) + b"".join(reversed(self._own))

    def end(self) -> None:
        """Nothing is left for it to do; who counts what all this took is to count it, too."""
        if self._is_over:
            return
        self._is_over = True
        os.close(self._told)
        os.close(self._found)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def _missing(self) -> int:
        return self._pieces.count - len(self._own) - len(self._hashes) // _HASH

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while more := os.read(self._found, _READ):
                self._hashes += more


def _idle(pieces: _Pieces, told: int, answers: int) -> NoReturn:
    """The child's child: from the beginning on, as far as is told, until its parent is gone."""
    try:
        _step_back()
        parent, reached = os.getppid(), 0
        for index in range(pieces.count):
            while reached < pieces.end(index):
                said = os.read(told, _READ)
                if not said:
                    os._exit(0)
                reached = _COUNT.unpack(said[-_COUNT.size :])[0]
            if os.getppid() != parent:
                break
            begun, used = time.monotonic(), time.process_time()
            os.write(answers, pieces.hash(index))
            seconds = time.monotonic() - begun
            if seconds > _CROWDED * (time.process_time() - used):
                time.sleep(min(_LONGEST_REST, _REST * seconds))
    finally:
        os._exit(0)


def _step_back() -> None:
    """Take no time that anybody else wants.

    Linux wakes others at once where such a process runs; beside one that is merely nice they wait
    for a few milliseconds, and libtorrent's threads wake one another all the time. That alone is
    not enough: on two processors even such a process slows a download. So it rests as long as it is
    held up.
    """
    os.nice(_IDLE)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class _Child:
    """Answers its parent."""

    def __init__(self, file: int, size: int, *, is_table_wanted: bool) -> None:
        self._file = file
        self._pieces = _Pieces(file, size)
        self._idle = _Idle(self._pieces) if is_table_wanted else None
        self._digest = self._before = hashlib.sha256()

    def answer(self, what: bytes, at: int, length: int) -> bytes:
        """To one question."""
        if what == _TAKE:
            return self._took(at, length)
        if what == _DIGEST:
            return self._digest.digest()
        if what == _LEFT:
            return _COUNT.pack(self._idle.left() if self._idle else 0)
        if what == _TABLE:
            return self._idle.all() if self._idle else b""
        self._digest = self._before if what == _BACK else hashlib.sha256()
        if what == _RESTART and self._idle:
            self._idle.end()
            self._idle = _Idle(self._pieces)
        return _DONE

    def end(self) -> None:
        """Nothing is asked any more."""
        if self._idle:
            self._idle.end()

    def _took(self, at: int, length: int) -> bytes:
        if os.fstat(self._file).st_size < at + length:
            return _SHORT
        if self._idle:
            self._idle.reach(at)  # what is taken now may be taken back
        self._before = self._digest.copy()
        marks = list[bytes]()
        for start in range(at, at + length, step := max(_MAPPED, self._pieces.length)):
            part = min(step, at + length - start)
            with (
                mmap.mmap(self._file, part, prot=mmap.PROT_READ, offset=start) as mapped,
                memoryview(mapped) as view,
            ):
                marks += marked(self._digest, view, self._pieces.length)
        return b"".join(marks)


def main() -> None:
    """The child: answers until its parent is gone."""
    file, size, is_table_wanted = map(int, sys.argv[3:])
    child = _Child(file, size, is_table_wanted=bool(is_table_wanted))
    asked, out = sys.stdin.buffer, sys.stdout.buffer
    while len(question := asked.read(_ASKED.size)) == _ASKED.size:
        out.write(child.answer(*_ASKED.unpack(question)))
        out.flush()
    child.end()
    os._exit(0)  # nothing to tidy up
