"""The digest of a file and the hashes of its pieces, taken while the file grows.

Both are SHA-256 over the same bytes: 1.2 seconds of a processor for each GiB. A process that also
receives a gigabyte a second has no time to spare, and its threads would wait for one interpreter.
So a child process hashes: it maps the file that the parent writes, and is told which pieces are
whole. It imports little, because it must be there at once, and it cannot take its parent along:
a part that somebody cuts short while it is mapped ends the child alone.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import sys
import threading
from queue import SimpleQueue
from typing import Protocol

from herd.child_python import ChildPython
from herd.pieces import TableMaker, piece_size_of

WORTH = 64 * 1024 * 1024
"""Bytes of a file from which on a process of its own is worth its start."""

AT_ONCE = 16 * 1024 * 1024
"""Bytes that a process of its own hashes at one request: fewer wake whoever receives less often."""

_ASKED = struct.Struct("<cQQ")
_PIECE, _BACK, _RESTART, _DIGEST = b"p", b"b", b"r", b"d"
_HASH = 32
_SHORT = bytes(_HASH)
"""Instead of a hash: the bytes are not there."""


class Hasher(Protocol):
    """Hashes one file in order; speak to it from one thread."""

    @property
    def at_once(self) -> int:
        """Bytes that are best hashed at one request: whole pieces."""

    def pieces(self, at: int, length: int) -> list[bytes] | None:
        """Hash the next bytes: what a table says of each piece of them; None: they are not there.

        Args:
            at: Where the first piece begins.
            length: Bytes; whole pieces, but for the last of the file.

        Raises:
            Gone: the process is gone, and all that it had hashed.
            OSError: the file does not read.
        """

    def back(self) -> None:
        """The last pieces that were asked for were none."""

    def restart(self) -> None:
        """Nothing is hashed."""

    def digest(self) -> bytes:
        """The sha256 of all pieces so far."""

    def wake(self) -> None:
        """From another thread: nobody is to wait for a piece now; nothing is asked after this."""

    def close(self) -> None:
        """End; nobody may be waiting."""


class Here:
    """Hashes in this process, in two threads."""

    def __init__(self, file: int, size: int) -> None:
        """Opens nothing.

        Args:
            file: A descriptor of the file.
            size: Bytes that it is going to have.
        """
        self._file = file
        self._maker = TableMaker(size)
        self._piece = piece_size_of(size)
        self._wanted: SimpleQueue[memoryview | None] = SimpleQueue()
        self._found: SimpleQueue[list[bytes]] = SimpleQueue()
        # concurrent.futures would take as long to import as a child takes to start.
        threading.Thread(target=self._hash_pieces, name="herd-pieces", daemon=True).start()
        self._digest = self._before = hashlib.sha256()

    @property
    def at_once(self) -> int:
        """As Hasher.at_once: one piece, which lies in memory."""
        return self._piece

    def pieces(self, at: int, length: int) -> list[bytes] | None:
        """As Hasher.pieces."""
        content = bytearray(length)
        view, filled = memoryview(content), 0
        while filled < length:
            count = os.preadv(self._file, [view[filled:]], at + filled)
            if not count:
                return None
            filled += count
        return self._took(view)

    def back(self) -> None:
        """As Hasher.back."""
        self._digest = self._before

    def restart(self) -> None:
        """As Hasher.restart."""
        self._digest = self._before = hashlib.sha256()

    def digest(self) -> bytes:
        """As Hasher.digest."""
        return self._digest.digest()

    def wake(self) -> None:
        """As Hasher.wake; a piece is not waited for long."""

    def close(self) -> None:
        """As Hasher.close."""
        self._wanted.put(None)

    def _took(self, view: memoryview) -> list[bytes]:
        # Two digests over the same bytes, side by side: neither holds the interpreter.
        self._wanted.put(view)
        self._before = self._digest.copy()
        self._digest.update(view)
        return self._found.get()

    def _hash_pieces(self) -> None:
        while (view := self._wanted.get()) is not None:
            each = range(0, len(view), self._piece)
            hash_piece = self._maker.hash_piece
            self._found.put([hash_piece(view[at : at + self._piece]) for at in each])
            del view  # or its bytes could not be let go of


class _Mapped(Here):
    """As Here, without a copy; for a process that may be lost."""

    def pieces(self, at: int, length: int) -> list[bytes] | None:
        """As Hasher.pieces."""
        if os.fstat(self._file).st_size < at + length:
            return None
        with mmap.mmap(self._file, length, prot=mmap.PROT_READ, offset=at) as mapped:
            view = memoryview(mapped)
            try:
                return self._took(view)
            finally:
                view.release()


class Beside:
    """Hashes in a process of its own."""

    def __init__(self, file: int, size: int) -> None:
        """Start it; POSIX only. As Here.

        Raises:
            OSError: the system does not let it start.
        """
        self._child = ChildPython("herd.hashing", file, size, files=(file,))
        self._piece = piece_size_of(size)

    @property
    def at_once(self) -> int:
        """As Hasher.at_once."""
        return max(1, AT_ONCE // self._piece) * self._piece

    def pieces(self, at: int, length: int) -> list[bytes] | None:
        """As Hasher.pieces."""
        found = [self._ask(_PIECE, at, length)]
        if found[0] == _SHORT:
            return None
        return found + [self._child.read(_HASH) for _ in range(self._piece, length, self._piece)]

    def back(self) -> None:
        """As Hasher.back."""
        self._ask(_BACK)

    def restart(self) -> None:
        """As Hasher.restart."""
        self._ask(_RESTART)

    def digest(self) -> bytes:
        """As Hasher.digest."""
        return self._ask(_DIGEST)

    def wake(self) -> None:
        """As Hasher.wake."""
        self._child.kill()

    def close(self) -> None:
        """As Hasher.close."""
        self._child.close()

    def _ask(self, what: bytes, at: int = 0, length: int = 0) -> bytes:
        self._child.ask(_ASKED.pack(what, at, length))
        return self._child.read(_HASH)


def begin(file: int, size: int) -> Hasher:
    """Whatever hashes a file of this size best.

    Args:
        file: A descriptor that stays open until the hasher is closed.
        size: Bytes that the file is going to have.
    """
    if size >= WORTH and os.name == "posix" and sys.executable:
        try:
            return Beside(file, size)
        except OSError:
            pass  # no more processes: slower, and right as well
    return Here(file, size)


def main() -> None:
    """The child: answers until its parent is gone."""
    file, size = sys.argv[3:]
    hasher = _Mapped(int(file), int(size))
    asked, out = sys.stdin.buffer, sys.stdout.buffer
    while len(question := asked.read(_ASKED.size)) == _ASKED.size:
        what, at, length = _ASKED.unpack(question)
        answer = _SHORT
        if what == _PIECE:
            answer = b"".join(hasher.pieces(at, length) or [_SHORT])
        elif what == _DIGEST:
            answer = hasher.digest()
        elif what == _BACK:
            hasher.back()
        else:
            hasher.restart()
        out.write(answer)
        out.flush()
    os._exit(0)  # nothing to tidy up, and threads that need not be waited for
