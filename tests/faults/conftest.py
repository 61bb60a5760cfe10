from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.person import CONTENT, Person
from tests.tools.http_server import FileServer


@pytest.fixture(autouse=True)
def _plain(plain_environment: None) -> None:
    """Every test here asks servers."""


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path / "home")


@pytest.fixture
def hasty(person: Person) -> Person:
    """Whose patience runs out soon."""
    person.herd = "tests.faults.hasty_herd"
    return person


@pytest.fixture
def server() -> Iterator[FileServer]:
    """127.0.0.1."""
    with FileServer(CONTENT) as running:
        yield running


@pytest.fixture
def good() -> Iterator[FileServer]:
    """127.0.0.2, a mirror without a fault."""
    with FileServer(CONTENT, "127.0.0.2") as running:
        running.keeps_alive = True
        yield running
