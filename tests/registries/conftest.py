from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from herd.places import Places, places
from tests.registries.signing import Signer
from tests.registries.site import Site

_VARIABLES = (
    *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HF_TOKEN", "HF_ENDPOINT"),
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


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
