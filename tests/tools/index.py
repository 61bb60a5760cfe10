"""A package index on loopback (PEP 503) with wheels made for the test."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import threading
import zipfile
from pathlib import Path
from typing import Any, Self


def make_wheel(folder: Path, name: str, version: str, members: dict[str, bytes]) -> Path:
    """A wheel that pip takes (PEP 427)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    files = {
        **members,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{each},{_digest(content)},{len(content)}\n" for each, content in files.items()
    )
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in files.items():
            archive.writestr(each, content)
    return path


def _digest(content: bytes) -> str:
    raw = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Index:
    """Serves `<folder>/<project>/`, whose listing is the page that PEP 503 asks for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.rate: int | None = None
        """Bytes per second."""
        handler = functools.partial(_Handler, self)
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}/"

    def add(self, name: str, version: str, members: dict[str, bytes]) -> Path:
        """Put a package into the index."""
        return make_wheel(self.folder / name, name, version, members)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, index: Index, *args: object) -> None:
        self._index = index
        super().__init__(*args, directory=str(index.folder))  # type: ignore[arg-type]  # as the server calls it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as declared
        """Say nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:  # as declared, for any text
        """At the rate of the index."""
        while piece := source.read(256 * 1024):
            outputfile.write(piece)
            if self._index.rate:
                threading.Event().wait(len(piece) / self._index.rate)

    def do_GET(self) -> None:  # as declared
        self._index.asked.append(self.path)
        super().do_GET()
