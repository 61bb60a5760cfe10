"""Somebody who installs the model `tiny`, by the real command in a home of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from herd.errors import Interrupted
from herd.model import MagnetSource, TorrentSource, UrlSource
from herd.transfer import Staged, begun
from tests.tools.fakes import digest
from tests.tools.http_server import Faults, FileServer
from tests.tools.wait import until

ROOT = Path(__file__).parents[2]
CONTENT = b"GGUF" + bytes(range(251)) * 8000
"""Two megabytes; their period is no power of two, so a shifted copy differs."""
SIZE = len(CONTENT)


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    said: str
    """All that the person saw: stderr, as the answer of an install is nothing."""
    seconds: float

    @property
    def end(self) -> str:
        """The last two lines: the sentence and the hint, or that it is installed."""
        return "\n".join(self.said.splitlines()[-2:])


class Person:
    """Types commands, each of which is a process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ: dict[str, str] = {}
        """Variables beside the usual."""
        self.herd = "herd"
        """The module that is run: herd itself, or one of this folder around it."""

    def is_offered(
        self,
        *sources: FileServer | MagnetSource | TorrentSource | UrlSource,
        content: bytes = CONTENT,
        sha256: str = "",
    ) -> None:
        """A registry has `tiny`: these bytes from these servers, swarms and .torrents."""
        file = {
            "name": "tiny.gguf",
            "size": len(content),
            "sha256": sha256 or digest(content),
            "sources": [_source(each) for each in sources],
        }
        model = {
            "title": "Tiny",
            "role": "chat",
            "summary": "Answers nothing well.",
            "licence": {"id": "MIT", "commercial": "open"},
            "default": "q4_0",
            "variants": {"q4_0": {"files": [file]}},
        }
        registry = {"schema": 1, "registry": {"name": "test"}, "models": {"tiny": model}}
        folder = self.home / "registries"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "test.yaml").write_text(json.dumps(registry, indent=1))

    def begins(self, *words: str) -> subprocess.Popen[str]:
        """`herd WORDS...`, by default `herd install tiny`, under way."""
        inherited = {name: text for name, text in os.environ.items() if name[:5] != "HERD_"}
        own = {"HERD_HOME": str(self.home), "HERD_METERED": "0", "HERD_DHT": "0"}
        return subprocess.Popen(
            [sys.executable, "-m", self.herd, *(words or ("install", "tiny"))],
            cwd=ROOT,
            env={**inherited, **own, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def types(self, *words: str) -> Ran:
        """`herd WORDS...`, by default `herd install tiny`, to its end."""
        begun = time.monotonic()
        with self.begins(*words) as process:
            out, said = process.communicate(timeout=120)
        assert "Traceback" not in said, said
        assert out == "", out
        assert "127.0.0.1: 127.0.0.1" not in said, "who it was is said once"
        return Ran(process.returncode, said, time.monotonic() - begun)

    @property
    def has(self) -> bytes | None:
        """The installed file."""
        found = list((self.home / "blobs").rglob("[0-9a-f]" * 64))
        return found[0].read_bytes() if found else None

    @property
    def part(self) -> Path:
        """What is staged."""
        (found,) = (self.home / "staging").rglob("*.part")
        return found


ONE_CONNECTION = {"HERD_CONNECTIONS": "1"}
"""For rows that count every byte: there is no other connection that could take a share over,
which costs what was on its way."""


def begin(person: Person, server: FileServer, until_: int, *words: str) -> int:
    """Install from the server, stop by Ctrl-C after so many bytes; how many are there.

    The count of the server begins anew.
    """
    faults, server.faults = server.faults, Faults(rate=len(server.content) // 2)
    if not words:
        person.is_offered(server, content=server.content)
    with person.begins(*words) as herd:
        until(lambda: server.bytes_sent >= until_, 60)
        herd.send_signal(signal.SIGINT)
        _, said = herd.communicate(timeout=60)
    assert herd.returncode == Interrupted.exit_code, said
    until(lambda: server.open == 0)
    server.faults, server.bytes_sent = faults, 0
    server.requests.clear()
    return begun(Staged(person.part))


def _source(it: FileServer | MagnetSource | TorrentSource | UrlSource) -> Mapping[str, object]:
    match it:
        case FileServer():
            return {"url": it.url}
        case MagnetSource():
            hashes = {name: text for name, text in (("v1", it.v1), ("v2", it.v2)) if text}
            return {"magnet": {**hashes, "trackers": list(it.trackers)}}
        case TorrentSource():
            return {"torrent": it.location}
        case UrlSource():
            return {"url": it.url}
