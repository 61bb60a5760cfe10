"""A server in a process of its own that gives files at a rate and counts what it gives."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, Self

_STEP = 64 * 1024


class Paced:
    """The server, as who uses it sees it; a context manager."""

    def __init__(self, rate: float) -> None:
        """Start nothing yet.

        Args:
            rate: Megabytes a second, for all who ask together.
        """
        self._rate = rate
        self._folder = tempfile.TemporaryDirectory(prefix="herd-serve-")
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._folder.name, str(self._rate)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._folder.cleanup()

    def url(self, path: str) -> str:
        """The address of a file."""
        return f"http://127.0.0.1:{self._port}{path}"

    def serve(self, path: str, content: bytes) -> None:
        """Have a file to give."""
        Path(self._folder.name, path.lstrip("/")).write_bytes(content)

    def sent(self) -> int:
        """Bytes of bodies given so far, once nobody is being served."""
        while True:
            with urllib.request.urlopen(self.url("/-/count")) as answer:
                count = json.load(answer)
            if not count["busy"]:
                return int(count["sent"])
            time.sleep(0.01)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    rate: float
    lock = threading.Lock()
    next_at = 0.0
    sent = busy = 0
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as declared
        """Say nothing."""

    def do_GET(self) -> None:
        """Give a range of a file, or the count."""
        if self.path == "/-/count":
            text = json.dumps({"sent": _Handler.sent, "busy": _Handler.busy}).encode()
            self._head(200, len(text))
            self.wfile.write(text)
            return
        with _Handler.lock:
            _Handler.busy += 1
        try:
            with Path(self.folder, self.path.lstrip("/")).open("rb") as file:
                self._give(file)
        except OSError:
            self.close_connection = True
        finally:
            with _Handler.lock:
                _Handler.busy -= 1

    def _give(self, file: BinaryIO) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _STEP)
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, stop = 0, (size := os.fstat(file.fileno()).st_size)
        if match:
            start, stop = int(match[1]), min(stop, int(match[2] or stop - 1) + 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        else:
            self.send_response(200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        file.seek(start)
        for at in range(start, stop, _STEP):
            piece = file.read(min(_STEP, stop - at))
            self._pace(len(piece))
            self.wfile.write(piece)
            with _Handler.lock:
                _Handler.sent += len(piece)

    def _pace(self, count: int) -> None:
        with _Handler.lock:
            now = time.monotonic()
            _Handler.next_at = max(_Handler.next_at, now) + count / (self.rate * 1e6)
            wait = _Handler.next_at - now
        time.sleep(max(0.0, wait))

    def _head(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def main(folder: str, rate: str) -> None:
    """Serve until stdin ends."""
    _Handler.folder, _Handler.rate = Path(folder), float(rate)
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
