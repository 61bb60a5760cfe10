from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.http_server import FileServer
from tests.transfer.desk import CONTENT, Desk

_VARIABLES = (
    *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"),
    *("HF_TOKEN", "HF_ENDPOINT"),
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


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
