"""Proving many files beside each other, each in a process of its own.

A piece table is a hash of each 16 KiB, and Python asks for its interpreter at every one of them:
threads that prove files, and whoever else has work meanwhile, then wait for each other for a
quarter of the time. So there are processes, each of which proves one file after another.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from herd import proving
from herd.child_python import ChildPython, Gone
from herd.model import Sha256
from herd.pieces import Proved, Proven, Table, piece_size_of

WORTH = 256 * 1024 * 1024
"""Bytes of all files from which on processes are worth their start, 0.05 s of a core each."""
_TOLD = 16 * 1024 * 1024
"""Bytes between two words on how far it is."""

_LENGTH = struct.Struct("<I")
_WORD = struct.Struct("<cQ")
_READ, _DONE, _TROUBLE = b"r", b"d", b"t"
_HASH = 32


class Provers:
    """So many processes; any thread may ask, and waits until one is free."""

    def __init__(self, count: int, *, are_processes: bool) -> None:
        """Starts nothing; a process is started by the first who asks.

        Args:
            count: How many files are proved beside each other.
            are_processes: Whether they are worth it; else the files are proved here.
        """
        self._count = count
        self._are_processes = are_processes and os.name == "posix" and bool(sys.executable)
        self._free: SimpleQueue[_Prover] = SimpleQueue()
        for _ in range(count):
            self._free.put(_Prover())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for _ in range(self._count):
            self._free.get().close()

    def prove(self, path: Path, took: Callable[[int], None]) -> Proven:
        """As `proving.prove`; without a process, or if it is killed, here."""
        if not self._are_processes:
            return proving.prove(path, took, self._count)
        prover, told = self._free.get(), 0

        def heard(count: int) -> None:
            nonlocal told
            told += count
            took(count)

        def rest(count: int) -> None:
            nonlocal told
            told, known = max(0, told - count), told
            took(max(0, count - known))

        try:
            return prover.prove(path, heard)
        except Gone:
            prover.close()
            return proving.prove(path, rest, self._count)
        except BaseException:
            prover.close()  # it is in the middle of a file that nobody wants
            raise
        finally:
            self._free.put(prover)


class _Prover:
    """One process, started when it is first asked, and anew after it was closed."""

    def __init__(self) -> None:
        self._child: ChildPython | None = None

    def prove(self, path: Path, took: Callable[[int], None]) -> Proved:
        """As `proving.prove`; raises Gone when the process is."""
        name = os.fsencode(path)
        try:
            self._child = child = self._child or ChildPython("herd.proving_pool")
        except OSError as error:
            raise Gone from error
        child.ask(_LENGTH.pack(len(name)) + name)
        while True:
            what, count = _WORD.unpack(child.read(_WORD.size))
            if what == _READ:
                took(count)
            elif what == _TROUBLE:
                raise OSError(count, os.strerror(count), str(path))
            else:
                piece = piece_size_of(count)
                digest = Sha256(child.read(_HASH).hex())
                hashes = child.read(_HASH * -(-count // piece))
                return Proved(digest, Table(count, piece, hashes))

    def close(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child is not None:
            child.close()


def main() -> None:
    """The process: proves what it is asked for until its parent is gone."""
    asked, out = sys.stdin.buffer, sys.stdout.buffer
    while len(head := asked.read(_LENGTH.size)) == _LENGTH.size:
        path = Path(os.fsdecode(asked.read(*_LENGTH.unpack(head))))
        try:
            telling = _Telling()
            proof = proving.prove(path, telling, os.cpu_count() or 1)
            telling.tell()
        except OSError as error:
            out.write(_WORD.pack(_TROUBLE, error.errno or 0))
        else:
            table = proof.table()
            out.write(_WORD.pack(_DONE, table.size))
            out.write(bytes.fromhex(proof.sha256) + table.hashes)
        out.flush()


class _Telling:
    """Says now and then how many bytes were read."""

    def __init__(self) -> None:
        self._untold = 0

    def __call__(self, count: int) -> None:
        self._untold += count
        if self._untold >= _TOLD:
            self.tell()

    def tell(self) -> None:
        """Say it."""
        sys.stdout.buffer.write(_WORD.pack(_READ, self._untold))
        sys.stdout.buffer.flush()
        self._untold = 0
