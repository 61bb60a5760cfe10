"""A web site on loopback whose pages a test sets, and which remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Page:
    """What the site answers at one path."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    headers: Mapping[str, str]


class Site:
    """Serves `pages` by path; a context manager."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.pages: dict[str, Page | Callable[[Asked], Page]] = {}
        self.asked: list[Asked] = []
        self._http = ThreadingHTTPServer((address, 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def origin(self) -> str:
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [each.path for each in self.asked]

    def put(self, path: str, content: bytes | str, **headers: str) -> str:
        """Serve something, with an ETag of its content; the address of it."""
        raw = content.encode() if isinstance(content, str) else content
        etag = f'"{hash(raw):x}"'

        def answer(asked: Asked) -> Page:
            if asked.headers.get("if-none-match") == etag:
                return Page(b"", 304)
            return Page(raw, 200, {"ETag": etag, **headers})

        self.pages[path] = answer
        return self.origin + path


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers)
            site.asked.append(asked)
            page = site.pages.get(self.path) or site.pages.get(urlsplit(self.path).path)
            if callable(page):
                page = page(asked)
            page = page or Page(b"nothing there", 404)
            self.send_response(page.status)
            for name, value in {"Content-Length": str(len(page.content)), **page.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.content)
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
