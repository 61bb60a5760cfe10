"""Real servers on loopback: one with a fake engine each, one with a real child and a tiny model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from herd.core import Herd
from herd.install import Order
from herd.places import places
from herd.resolve import Promise
from herd.serve.app import application
from herd.serve.gate import Rules
from herd.serve.listen import Server, bound
from herd.serve.turns import Turns
from tests.tools import tiny_gguf
from tests.tools.fakes import GGUF, FakeCarrier, FakeEngine, herd_at, registry_text
from tests.tools.wait import until

URL = "https://models.example/tiny.gguf"


@dataclass
class Served:
    """A server that runs, and what stands behind it."""

    url: str
    port: int
    herd: Herd
    engine: FakeEngine | None = None
    carrier: FakeCarrier | None = None


Serve = Callable[..., Served]


@contextmanager
def serving(
    herd: Herd, rules: Rules | None = None, turns: Callable[[], Turns] | None = None
) -> Iterator[Served]:
    """A server in a thread, until the context ends."""
    listening = bound("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = Server(application(herd, rules or Rules(), turns() if turns else None))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    until(lambda: server.started)
    try:
        yield Served(f"http://127.0.0.1:{port}", port, herd)
    finally:
        server.end()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers whose engine and carrier are fakes; `tiny` is installed."""
    ends: list[Callable[[], object]] = []

    def start(rules: Rules | None = None, turns: Callable[[], Turns] | None = None) -> Served:
        engine, carrier = FakeEngine(), FakeCarrier({URL: GGUF})
        registries = tmp_path / "registries"
        registries.mkdir(exist_ok=True)
        (registries / "test.yaml").write_text(registry_text(URL))
        herd = herd_at(tmp_path, carrier, engine)
        herd.installer.install(Order(herd.choose("tiny")))
        running = serving(herd, rules, turns)
        served = running.__enter__()
        ends.append(lambda: running.__exit__(None, None, None))
        served.engine, served.carrier = engine, carrier
        return served

    yield start
    for end in ends:
        end()


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a real child and a model of two layers, installed as `wool`."""
    home = tmp_path_factory.mktemp("served")
    path = tiny_gguf.write(home / "wool.gguf", tiny_gguf.Tiny())
    herd = Herd(places({"HERD_HOME": str(home / "herd")}))
    herd.installer.install(Order(herd.choose(str(path), Promise(name="wool"))))
    with serving(herd) as served:
        yield served
