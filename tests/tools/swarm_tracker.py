"""Trackers on loopback (BEP 3, BEP 15, BEP 23): they give everyone the same peers, or refuse."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

Address = tuple[str, int]


def compact(peers: Iterable[Address]) -> bytes:
    return b"".join(socket.inet_aton(host) + struct.pack("!H", port) for host, port in peers)


class HttpTracker:
    """A tracker at `http://127.0.0.1:<port>/announce`."""

    def __init__(self, *peers: Address, refusal: str | bytes = "", host: str = "127.0.0.1") -> None:
        self.peers = list(peers)
        self.refusal = refusal
        self.interval = 1800
        """Seconds after which it may be asked again."""
        self.gate: threading.Event | None = None
        """Holds every answer back until it is set."""
        self.announces: list[dict[str, list[str]]] = []
        """The query of every announce, in order."""
        self._server = ThreadingHTTPServer((host, 0), self._asked_by())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://{host}:{self._server.server_address[1]}/announce"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self) -> bytes:
        if self.refusal:
            reason = self.refusal.encode() if isinstance(self.refusal, str) else self.refusal
            return b"d14:failure reason%d:%be" % (len(reason), reason)
        peers = compact(self.peers)
        often = b"8:intervali%de12:min intervali%de" % (self.interval, self.interval)
        return b"d%b5:peers%d:%be" % (often, len(peers), peers)

    def _asked_by(self) -> type[BaseHTTPRequestHandler]:
        tracker = self

        class Asked(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = urlsplit(self.path).query
                tracker.announces.append(parse_qs(query, encoding="latin-1"))
                if tracker.gate is not None:
                    tracker.gate.wait(60)
                body = tracker.answer()
                # libtorrent does not wait for the answer to its last announce.
                with suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Asked


class UdpTracker:
    """A tracker at `udp://127.0.0.1:<port>/announce`."""

    def __init__(self, *peers: Address) -> None:
        self.peers = list(peers)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self.url = f"udp://127.0.0.1:{self._socket.getsockname()[1]}/announce"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            asked, sender = self._socket.recvfrom(2048)
            if not asked:
                return
            action, transaction = struct.unpack_from("!II", asked, 8)
            if action == 0:
                self._socket.sendto(struct.pack("!IIQ", 0, transaction, 7), sender)
            else:
                head = struct.pack("!IIIII", 1, transaction, 1800, 0, len(self.peers))
                self._socket.sendto(head + compact(self.peers), sender)
