"""A threaded HTTP server that serves one file and misbehaves as told, counting what it sends.

with FileServer(content) as server:
    server.faults = Faults(reset_after=64 * 1024, times=3)
    fetch(server.url)
    assert server.bytes_sent < 2 * len(content)
"""

from __future__ import annotations

import fcntl
import gzip
import select
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

PATH = "/model.gguf"
_PIECE = 64 * 1024
_SIOCOUTQNSD = 0x894B
"""Linux: bytes in the send queue that were never sent."""


@dataclass(frozen=True)
class Faults:
    """How answers go wrong. Offsets count bytes of one answer's body."""

    times: int | None = None
    """Only the first so many answers; None: all."""
    reset_after: int | None = None
    stall_after: int | None = None
    """Sends no more, and keeps the connection until the server is closed or released."""
    end_after: int | None = None
    """Closes early, whatever Content-Length promised."""
    drip: bool = False
    """800 bytes a second at most."""
    rate: int | None = None
    """Bytes a second of one answer."""
    from_request: int = 0
    """The first so many answers are as they should be."""
    ignores_ranges: bool = False
    shifts_ranges: bool = False
    splits_ranges: int | None = None
    """Serves at most so many bytes for one range."""
    gzips: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None
    lacks_length: bool = False
    stalls_before_head: bool = False


@dataclass(frozen=True)
class Request:
    """A request that came."""

    path: str
    headers: Mapping[str, str]

    @property
    def start(self) -> int | None:
        """The first byte asked for."""
        text = self.headers.get("range", "")
        return int(text.removeprefix("bytes=").partition("-")[0]) if text else None

    @property
    def stop(self) -> int | None:
        """One past the last byte asked for."""
        last = self.headers.get("range", "").partition("-")[2]
        return int(last) + 1 if last else None


class FileServer:
    """Serves `content` at PATH on loopback; a context manager."""

    def __init__(
        self, content: bytes, address: str = "127.0.0.1", certificate: Path | None = None
    ) -> None:
        self.content = content
        self.faults = Faults()
        self.etag: str | None = '"one"'
        self.content_type = "application/octet-stream"
        self.redirects: dict[str, str] = {}
        """Path -> Location."""
        self.redirect_body = 0
        """Bytes that come with a redirect."""
        self.signs = False
        """PATH leads to an address that works for one request only."""
        self.keeps_alive = False
        self.requests: list[Request] = []
        self.connections = 0
        self.open = 0
        """Connections that the server has not let go of."""
        self.bytes_sent = 0
        self.released = threading.Event()
        self._signed = 0
        self._spent: set[str] = set()
        self._lock = threading.Lock()
        self._http = _Quiet((address, 0), _handler(self))
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme = "https"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:port`."""
        host, port = self._http.server_address[:2]
        return f"{self._scheme}://{host!s}:{port}"

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.origin + PATH

    @property
    def starts(self) -> list[int | None]:
        """The first byte of each request."""
        return [request.start for request in self.requests]

    def enter(self, request: Request) -> Faults:
        """Note a request; the faults that its answer has."""
        with self._lock:
            self.requests.append(request)
            times, number = self.faults.times, len(self.requests)
            if number <= self.faults.from_request or (times is not None and number > times):
                return Faults()
            return self.faults

    def connected(self) -> None:
        with self._lock:
            self.connections += 1
            self.open += 1

    def disconnected(self) -> None:
        with self._lock:
            self.open -= 1

    def sent(self, count: int) -> None:
        with self._lock:
            self.bytes_sent += count

    def sign(self) -> str:
        """A fresh address that works once."""
        with self._lock:
            self._signed += 1
            return f"/signed/{self._signed}"

    def is_spent(self, path: str) -> bool:
        """Whether a signed address was used before."""
        with self._lock:
            was_spent = path in self._spent
            self._spent.add(path)
            return was_spent


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what is tested here."""


def _handler(server: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        file_server = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    file_server: FileServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        # What lies in a buffer when a connection is reset was never sent.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)
        self.file_server.connected()
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.file_server.disconnected()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as declared
        """Say nothing."""

    def do_GET(self) -> None:  # as declared
        server = self.file_server
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers)
        faults = server.enter(request)
        self.close_connection = not server.keeps_alive
        if faults.stalls_before_head:
            server.released.wait(60)
            return
        if not self._redirected(faults) and not self._refused(faults):
            self._serve(request, faults)

    def _redirected(self, faults: Faults) -> bool:
        server = self.file_server
        location = faults.location or server.redirects.get(self.path)
        if server.signs and self.path == PATH:
            location = server.sign()
        if location is None:
            return False
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", str(server.redirect_body))
        self.end_headers()
        for _ in range(0, server.redirect_body, _PIECE):
            self._out(bytes(_PIECE))
        return True

    def _refused(self, faults: Faults) -> bool:
        server = self.file_server
        expired = self.path.startswith("/signed/") and server.is_spent(self.path)
        status = 403 if expired else faults.status
        if status is None:
            return False
        self.send_response(status)
        for name, value in faults.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def _serve(self, request: Request, faults: Faults) -> None:
        server = self.file_server
        content, start, stop = server.content, 0, len(server.content)
        validator = request.headers.get("if-range")
        is_current = validator is None or validator == server.etag
        if request.start is not None and not faults.ignores_ranges and is_current:
            start = request.start
            if start >= len(content):
                self._unsatisfied(len(content))
                return
            stop = min(stop, request.stop or stop)
            if faults.splits_ranges is not None:
                stop = min(stop, start + faults.splits_ranges)
            self.send_response(206)
            shift = 1 if faults.shifts_ranges else 0
            span = f"bytes {start + shift}-{stop - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        else:
            self.send_response(200)
        self._body(content[start:stop], faults)

    def _unsatisfied(self, total: int) -> None:
        self.send_response(416)
        self.send_header("Content-Range", f"bytes */{total}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self, body: bytes, faults: Faults) -> None:
        server = self.file_server
        self.send_header("Content-Type", server.content_type)
        if server.etag is not None:
            self.send_header("ETag", server.etag)
        if faults.gzips:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        if not faults.lacks_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body, faults)

    def _send(self, body: bytes, faults: Faults) -> None:
        server = self.file_server
        if faults.drip:
            for at in range(0, len(body), 16):
                self._out(body[at : at + 16])
                if server.released.wait(0.02):
                    return
        ends = (faults.reset_after, faults.stall_after, faults.end_after)
        end = min([each for each in ends if each is not None] + [len(body)])
        piece = _PIECE if faults.rate is None else min(_PIECE, max(1024, faults.rate // 20))
        for at in range(0, end, piece):
            self._out(body[at : min(at + piece, end)])
            if faults.rate is not None and server.released.wait(piece / faults.rate):
                return
        if faults.end_after is not None and end < len(body):
            self.close_connection = True
        if faults.stall_after is not None:
            server.released.wait(60)
        elif faults.reset_after is not None and end < len(body):
            self.close_connection = True
            # An RST throws away what was not sent yet, so that is waited for. All else counts,
            # acknowledged or not: on loopback the other end has it, and can read it after the RST.
            while self._unsent() and not server.released.wait(0.0005):
                pass
            # Linger of zero seconds: the close is an RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _unsent(self) -> int:
        left = fcntl.ioctl(self.connection.fileno(), _SIOCOUTQNSD, bytes(4))
        return int.from_bytes(left, sys.byteorder)

    def _out(self, piece: bytes) -> None:
        # The system takes one more piece for somebody who has closed: nobody ever gets that.
        gone = select.poll()
        gone.register(self.connection, select.POLLRDHUP)
        if gone.poll(0):
            raise BrokenPipeError
        self.wfile.write(piece)
        self.file_server.sent(len(piece))
