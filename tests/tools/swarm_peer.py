"""A peer made by hand (BEP 3, 9, 10): it serves what it is told to serve, true or not."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import libtorrent as lt

from tests.tools.swarm import Torrent, own_host

_HANDSHAKE = struct.Struct("!B19s8s20s20s")
_EXTENDED = b"\0\0\0\0\0\x10\0\0"
_UT_METADATA = 3
_METADATA_PIECE = 16 * 1024


def poisoned(block: bytes) -> bytes:
    """The block with its first byte changed."""
    return bytes([block[0] ^ 0xFF]) + block[1:]


class Peer:
    """Has every piece of a one-file v1 torrent; a context manager."""

    def __init__(
        self,
        torrent: Torrent,
        content: bytes,
        spoil: Callable[[bytes], bytes] = bytes,
        *,
        metadata: bytes | None = None,
        promised_metadata: int | None = None,
        quits_after: int | None = None,
        gate: threading.Event | None = None,
        host: str | None = None,
    ) -> None:
        """Listen.

        Args:
            torrent: What it takes part in.
            content: The file.
            spoil: What becomes of each block before it is sent.
            metadata: The info dictionary it gives; None: the torrent's own.
            promised_metadata: The size of it that it claims; None: the true one.
            quits_after: Payload bytes after which it answers no more.
            gate: Holds the metadata back until it is set.
            host: Its address; None: one of its own.
        """
        info: Any = lt.bdecode(torrent.raw)
        self._piece = info[b"info"][b"piece length"]
        self._pieces = -(-len(content) // self._piece)
        self._metadata = lt.bencode(info[b"info"]) if metadata is None else metadata
        self._promised = promised_metadata or len(self._metadata)
        self._content = content
        self._spoil = spoil
        self._quits_after = quits_after
        self._gate = gate
        self._server = socket.create_server((host or own_host(), 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.address: tuple[str, int] = self._server.getsockname()
        self.sent = 0
        """Payload bytes."""
        self.metadata_sent = 0
        """Bytes of the info dictionary."""
        self.visits = 0
        """Connections that came."""

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            self._open.append(line)
            self.visits += 1
            thread = threading.Thread(target=self._serve, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(OSError, EOFError):
            _, name, _, torrent, _ = _HANDSHAKE.unpack(_exactly(line, _HANDSHAKE.size))
            line.sendall(_HANDSHAKE.pack(19, name, _EXTENDED, torrent, b"-XX0000-" + b"x" * 12))
            self._send(line, 20, b"\0" + self._greeting())
            bits = (1 << self._pieces) - 1 << (-self._pieces % 8)
            self._send(line, 5, bits.to_bytes(-(-self._pieces // 8)))
            self._send(line, 1)
            while True:
                (length,) = struct.unpack("!I", _exactly(line, 4))
                if message := _exactly(line, length):
                    self._answer(line, message[0], message[1:])

    def _greeting(self) -> bytes:
        greeting: Any = {b"m": {b"ut_metadata": _UT_METADATA}, b"metadata_size": self._promised}
        return bytes(lt.bencode(greeting))

    def _answer(self, line: socket.socket, kind: int, body: bytes) -> None:
        if self._quits_after is not None and self.sent >= self._quits_after:
            raise EOFError
        if kind == 6:
            piece, offset, length = struct.unpack("!III", body)
            start = piece * self._piece + offset
            block = self._spoil(self._content[start : start + length])
            self.sent += len(block)
            self._send(line, 7, struct.pack("!II", piece, offset) + block)
        elif kind == 20 and body[0] == 0:
            greeting: Any = lt.bdecode(body[1:])
            self._theirs = greeting[b"m"].get(b"ut_metadata", 0)
        elif kind == 20 and body[0] == _UT_METADATA:
            self._give_metadata(line, body[1:])

    def _give_metadata(self, line: socket.socket, body: bytes) -> None:
        if self._gate is not None:
            self._gate.wait(60)
        asked: Any = lt.bdecode(body)
        index = asked[b"piece"]
        part = self._metadata[index * _METADATA_PIECE :][:_METADATA_PIECE]
        self.metadata_sent += len(part)
        head: Any = {b"msg_type": 1, b"piece": index, b"total_size": self._promised}
        self._send(line, 20, bytes([self._theirs]) + lt.bencode(head) + part)

    def _send(self, line: socket.socket, kind: int, body: bytes = b"") -> None:
        line.sendall(struct.pack("!IB", len(body) + 1, kind) + body)


def _exactly(line: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = line.recv(count - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)
