"""TLS that opens its records in memory, so that one call to the system brings many of them.

Python's own TLS sockets ask the system twice for each record (RFC 8446: at most 16 KiB). urllib3
has a transport for TLS within TLS that is fed with bytes; here every connection is one.
"""

from __future__ import annotations

import ssl
import time
from typing import Any, Self

from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.ssltransport import SSLTransport

_AT_ONCE = 512 * 1024
"""Bytes asked of the system at once."""
_AS_USUAL = (
    *("minimum_version", "options", "verify_flags", "post_handshake_auth"),
    *("hostname_checks_common_name", "keylog_filename"),
)


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
        transport.settimeout(moment)

    def read_into(self, view: memoryview) -> int | None:
        """As many bytes as come within a moment; 0 at the end, however it came; None: none yet.

        Raises:
            OSError: the connection is broken, or a record is.
        """
        count, end = 0, time.monotonic() + self._moment
        while count < len(view):
            try:
                more = self._open(view[count:])
                if more is None and (time.monotonic() > end or not self._receive()):
                    return count or None
                if more == 0:
                    return count
            except OSError:
                if not count:
                    raise
                return count  # the next read meets it again
            count += more or 0
        return count

    def _open(self, view: memoryview) -> int | None:
        """Bytes of the next record; 0 at the end of the stream, None when it is not there yet."""
        opened: Any = self._transport.sslobj.read  # declared without a buffer's length
        try:
            return int(opened(len(view), view))
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLEOFError:
            return 0  # cut short: whoever counts the bytes knows

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
