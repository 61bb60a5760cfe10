from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from herd.places import Places, places
from tests.registries.signing import Signer
from tests.registries.site import Site


@pytest.fixture(autouse=True)
def _plain(plain_environment: None) -> None:
    """Every test here asks servers."""


@pytest.fixture
def here(tmp_path: Path) -> Places:
    return places({"HERD_HOME": str(tmp_path / "home")})


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture
def signer() -> Signer:
    return Signer()
