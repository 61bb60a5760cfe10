"""TLS that opens its records in memory, so that one call to the system brings many of them.

Python's own TLS sockets ask the system twice for each record (RFC 8446: at most 16 KiB). urllib3
has a transport for TLS within TLS that is fed with bytes; here every connection is one.
"""

from __future__ import annotations

import os
import ssl
import time
from pathlib import Path
from typing import Any, Self

from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.ssltransport import SSLTransport

from herd.errors import SourceRefused

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Where a person names authorities: requests reads two variables, OpenSSL's own is the third."""
_AT_ONCE = 512 * 1024
"""Bytes asked of the system at once."""
_AS_USUAL = (
    *("minimum_version", "options", "verify_flags", "post_handshake_auth"),
    *("hostname_checks_common_name", "keylog_filename"),
)


def check_bundle() -> None:
    """Refuse to ask anybody where the named authorities are not there.

    Raises:
        SourceRefused: so it is.
    """
    for name in BUNDLES:
        if found := os.environ.get(name):
            if not Path(found).exists():
                words = f"{name} names {found}, where no certificates are"
                raise SourceRefused(words, f"Let {name} name the file, or unset it.")
            return


class Context(ssl.SSLContext):
    """As strict as urllib3's own, but its connections are transports."""

    def __new__(cls) -> Self:
        """For a client."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self) -> None:
        """Trusts nobody yet: urllib3 loads the certificates."""
        usual = create_urllib3_context()
        for name in _AS_USUAL:
            setattr(self, name, getattr(usual, name))

    def wrap_socket(  # type: ignore[override]  # as urllib3 calls it
        self, sock: Any, server_hostname: str | None = None
    ) -> SSLTransport:
        """Shake hands.

        Raises:
            ssl.SSLError: the server is not who it should be, or speaks something else.
            OSError: the connection is broken, or nothing came in time.
        """
        return SSLTransport(sock, self, server_hostname)


class Records:
    """What comes over one transport, opened. Only this may read it from now on."""

    def __init__(self, transport: SSLTransport, moment: float) -> None:
        """Asks nothing yet.

        Args:
            transport: Hands were shaken.
            moment: Seconds that a read waits for bytes; one lasts twice as long at most.
        """
        self._transport = transport
        self._moment = moment
        self._wire = memoryview(bytearray(_AT_ONCE))
        self._is_over = False
        transport.settimeout(moment)

    def read_into(self, view: memoryview) -> int | None:
        """As many bytes as come within a moment; 0 at the end, however it came; None: none yet.

        Raises:
            OSError: the connection is broken, or a record is.
        """
        count, end = 0, time.monotonic() + self._moment
        try:
            while True:
                count += self._open(view[count:])
                if count == len(view) or self._is_over:
                    return count
                if time.monotonic() > end or not self._receive():
                    return count or None
        except OSError:
            if not count:
                raise
            return count  # the next read meets it again

    def _open(self, view: memoryview) -> int:
        """Bytes of the records that are there, as many as `view` holds: one call for each."""
        opened: Any = self._transport.sslobj.read  # declared without a buffer's length
        count, size = 0, len(view)
        try:
            while count < size and (more := opened(size - count, view[count:])):
                count += more
            self._is_over = count < size
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLEOFError:
            self._is_over = True  # cut short: whoever counts the bytes knows
        except ssl.SSLError:
            if not count:
                raise
        return count

    def _receive(self) -> bool:
        """Take what the system has; False when nothing came within a moment."""
        transport = self._transport
        if transport.outgoing.pending:  # an answer to a new key (RFC 8446 4.6.3)
            transport.socket.sendall(transport.outgoing.read())
        try:
            count = transport.socket.recv_into(self._wire)
        except (BlockingIOError, TimeoutError, ssl.SSLWantReadError):
            return False
        if count:
            transport.incoming.write(self._wire[:count])
        else:
            transport.incoming.write_eof()
        return True
