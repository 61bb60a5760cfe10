from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.http_server import FileServer
from tests.transfer.desk import CONTENT, Desk
from tests.transfer.swarm_desk import SwarmDesk


@pytest.fixture(autouse=True)
def _plain(plain_environment: None) -> None:
    """Every test here asks servers."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(CONTENT) as running:
        yield running


@pytest.fixture
def other() -> Iterator[FileServer]:
    with FileServer(CONTENT, "127.0.0.2") as running:
        yield running


@pytest.fixture
def swarm_desk(tmp_path: Path) -> SwarmDesk:
    return SwarmDesk(tmp_path)


@pytest.fixture
def mirror(swarm_desk: SwarmDesk) -> Iterator[FileServer]:
    """A server of the file that the swarm has."""
    with FileServer(swarm_desk.content) as running:
        yield running
