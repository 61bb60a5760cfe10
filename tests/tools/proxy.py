"""A proxy on loopback, HTTP (plain and CONNECT) and SOCKS 5 on one port, that notes its targets."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

_PIECE = 64 * 1024


class Proxy:
    """Passes everything on; a context manager."""

    def __init__(self, certificate: Path | None = None) -> None:
        """With key and certificate in one file it is spoken to over TLS, and only HTTP."""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(certificate)
        self.targets: list[str] = []
        """`host:port` of each connection."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._run(self._serve, client)

    def _run(self, target: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]  # a bound method
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            if self._tls is not None:
                with self._tls.wrap_socket(client, server_side=True) as secure:
                    self._sockets.append(secure)  # it took the place of the other
                    _shuttle(secure, self._http(secure))
                return
            first = client.recv(1, socket.MSG_PEEK)
            server = self._socks(client) if first == b"\x05" else self._http(client)
            self._run(self._pass, client, server)
            self._pass(server, client)

    def _socks(self, client: socket.socket) -> socket.socket:
        """RFC 1928, without credentials."""
        client.recv(2 + _exactly(client, 2, peek=True)[1])
        client.sendall(b"\x05\x00")
        _, _, _, kind = _exactly(client, 4)
        if kind == 3:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        else:
            host = socket.inet_ntoa(_exactly(client, 4))
        (port,) = struct.unpack(">H", _exactly(client, 2))
        server = self._connect(host, port)
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return server

    def _http(self, client: socket.socket) -> socket.socket:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            server = self._connect(host, int(port))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return server
        parts = urlsplit(target)
        server = self._connect(parts.hostname or "", parts.port or 80)
        server.sendall(head.replace(target.encode(), parts.path.encode(), 1))
        return server

    def _connect(self, host: str, port: int) -> socket.socket:
        self.targets.append(f"{host}:{port}")
        server = socket.create_connection((host, port))
        self._sockets.append(server)
        return server

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


def _shuttle(near: ssl.SSLSocket, far: socket.socket) -> None:
    """Both ways in one thread: two may not use one TLS connection at once."""
    while True:
        ready = [near] if near.pending() else select.select([near, far], [], [])[0]
        for source in ready:
            piece = source.recv(_PIECE)
            if not piece:
                far.close()
                return
            (far if source is near else near).sendall(piece)


def _exactly(sock: socket.socket, count: int, *, peek: bool = False) -> bytes:
    content = b""
    while len(content) < count:
        piece = sock.recv(count - len(content), socket.MSG_PEEK if peek else 0)
        if not piece:
            raise EOFError
        content += piece
    return content
