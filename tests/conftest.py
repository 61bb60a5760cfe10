"""For all tests: time on a busy machine proves nothing, so hypothesis has no deadline."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

settings.register_profile("herd", deadline=None)
settings.load_profile("herd")

# A shell gives its background jobs no Ctrl-C, and they would hand that on to every herd they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_VARIABLES = (
    *("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HF_TOKEN", "HF_ENDPOINT"),
)


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the proxies, certificates and accounts of whoever runs the tests."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
