"""The digest of a file that grows, at once, and the hashes of its pieces when a processor is free.

Where the network brings a file as fast as the processors can take it, the two digests of
`herd.hashing` cost it a quarter of its speed. Only one of them is waited for: that of the whole
file. So a child process takes that one, and a child of its own, which asks for nothing but idle
time, the hashes of the pieces. What it has not done when all else is, both do together.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
import struct
import sys
from contextlib import suppress
from typing import NoReturn, Protocol

from herd.child_python import ChildPython
from herd.hashing import AT_ONCE, WORTH, Here
from herd.pieces import Table, TableMaker, piece_size_of

_ASKED = struct.Struct("<cQQ")
_TAKE, _DIGEST, _TABLE = b"t", b"d", b"p"
_REACHED = struct.Struct("<Q")
_YES, _NO = b"y", b"n"
_HASH = 32
_IDLE = 19
_READ = 1 << 16


class LateHasher(Protocol):
    """Hashes one file in order; speak to it from one thread."""

    @property
    def at_once(self) -> int:
        """Bytes that are best taken at one request: whole pieces."""

    def take(self, at: int, length: int) -> bool:
        """Take the next bytes; False: they are not there.

        Args:
            at: Where they begin, at a piece.
            length: Whole pieces, but for the last of the file.

        Raises:
            Gone: the process is gone, and all that it had hashed.
            OSError: the file does not read.
        """

    def digest(self) -> bytes:
        """The sha256 of all that was taken."""

    def table(self) -> Table:
        """The pieces, once all of the file was taken."""

    def wake(self) -> None:
        """From another thread: nobody is to wait for it now; nothing is asked after this."""

    def close(self) -> None:
        """End; nobody may be waiting."""


class AtOnce:
    """Both in this process, at once: for small files, and where no process can be had."""

    def __init__(self, file: int, size: int) -> None:
        """As hashing.Here."""
        self._hasher = Here(file, size)
        self._size = size
        self._hashes: list[bytes] = []

    @property
    def at_once(self) -> int:
        """As LateHasher.at_once."""
        return self._hasher.at_once

    def take(self, at: int, length: int) -> bool:
        """As LateHasher.take."""
        found = self._hasher.pieces(at, length)
        self._hashes += found or []
        return found is not None

    def digest(self) -> bytes:
        """As LateHasher.digest."""
        return self._hasher.digest()

    def table(self) -> Table:
        """As LateHasher.table."""
        return Table(self._size, piece_size_of(self._size), b"".join(self._hashes))

    def wake(self) -> None:
        """As LateHasher.wake; a piece is not waited for long."""

    def close(self) -> None:
        """As LateHasher.close."""
        self._hasher.close()


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
        """As LateHasher.at_once."""
        return max(1, AT_ONCE // self._piece) * self._piece

    def take(self, at: int, length: int) -> bool:
        """As LateHasher.take."""
        return self._ask(_TAKE, 1, at, length) == _YES

    def digest(self) -> bytes:
        """As LateHasher.digest."""
        return self._ask(_DIGEST, _HASH)

    def table(self) -> Table:
        """As LateHasher.table."""
        if self._known is not None:
            return self._known
        hashes = self._ask(_TABLE, _HASH * -(-self._size // self._piece))
        return Table(self._size, self._piece, hashes)

    def wake(self) -> None:
        """As LateHasher.wake."""
        self._child.kill()

    def close(self) -> None:
        """As LateHasher.close."""
        self._child.close()

    def _ask(self, what: bytes, answer: int, at: int = 0, length: int = 0) -> bytes:
        self._child.ask(_ASKED.pack(what, at, length))
        return self._child.read(answer)


def begin(file: int, size: int, known: Table | None = None) -> LateHasher:
    """Whatever hashes a file of this size best. As Apart, but for the errors."""
    if size >= WORTH and os.name == "posix" and sys.executable:
        try:
            return Apart(file, size, known)
        except OSError:
            pass  # no more processes: slower, and right as well
    return AtOnce(file, size)


class _Pieces:
    """The hashes of a file's pieces, from one mapped piece after the other."""

    def __init__(self, file: int, size: int) -> None:
        self._file, self._size = file, size
        self._maker = TableMaker(size)
        self._piece = piece_size_of(size)
        self.count = -(-size // self._piece)

    def end(self, index: int) -> int:
        """Where a piece ends."""
        return min((index + 1) * self._piece, self._size)

    def hash(self, index: int) -> bytes:
        """Of a piece that is there; a file that is cut short meanwhile ends the process."""
        at = index * self._piece
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

    def reach(self, size: int) -> None:
        """So many bytes from the beginning are there."""
        with suppress(OSError):  # far behind, or gone: the rest is done in the end
            os.write(self._told, _REACHED.pack(size))
        self._hear()

    def all(self) -> bytes:
        """The hashes of all pieces; what is missing is made from the end on."""
        own: list[bytes] = []
        while len(self._hashes) < _HASH * (self._pieces.count - len(own)):
            own.append(self._pieces.hash(self._pieces.count - 1 - len(own)))
            self._hear()
        # Nothing is left for it to do; and who counts what all this took is to count it, too.
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        theirs = self._hashes[: _HASH * (self._pieces.count - len(own))]
        return bytes(theirs) + b"".join(reversed(own))

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
                reached = _REACHED.unpack(said[-_REACHED.size :])[0]
            if os.getppid() != parent:
                break
            os.write(answers, pieces.hash(index))
    finally:
        os._exit(0)


def _step_back() -> None:
    """Take no time that anybody else wants.

    Linux wakes others at once where such a process runs; beside one that is merely nice they wait
    for a few milliseconds, and libtorrent's threads wake one another all the time.
    """
    os.nice(_IDLE)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> None:
    """The child: answers until its parent is gone."""
    file, size = int(sys.argv[3]), int(sys.argv[4])
    pieces = _Pieces(file, size)
    idle = _Idle(pieces) if int(sys.argv[5]) else None
    digest = hashlib.sha256()
    asked, out = sys.stdin.buffer, sys.stdout.buffer
    while len(question := asked.read(_ASKED.size)) == _ASKED.size:
        what, at, length = _ASKED.unpack(question)
        if what == _TAKE:
            answer = _YES if _took(file, at, length, digest) else _NO
            if idle is not None and answer == _YES:
                idle.reach(at + length)
        elif what == _DIGEST:
            answer = digest.digest()
        else:
            answer = idle.all() if idle is not None else b""
        out.write(answer)
        out.flush()
    os._exit(0)  # nothing to tidy up


def _took(file: int, at: int, length: int, digest: hashlib._Hash) -> bool:
    if os.fstat(file).st_size < at + length:
        return False
    with (
        mmap.mmap(file, length, prot=mmap.PROT_READ, offset=at) as mapped,
        memoryview(mapped) as view,
    ):
        digest.update(view)
    return True
