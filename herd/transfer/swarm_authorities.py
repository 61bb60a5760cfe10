"""Where libtorrent looks for the authorities that vouch for https trackers."""

from __future__ import annotations

import os
from pathlib import Path

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where the OpenSSL inside libtorrent's wheels looks for authorities."""


def trust_authorities() -> None:
    """Let https trackers be verified where libtorrent's OpenSSL finds no authorities."""
    if "SSL_CERT_FILE" not in os.environ and not any(Path(each).exists() for each in _BUNDLES):
        import certifi

        os.environ["SSL_CERT_FILE"] = certifi.where()
