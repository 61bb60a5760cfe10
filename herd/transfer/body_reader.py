"""The bytes of a body, straight from its socket: as many as come at once, and never a long wait.

Below http.client and urllib3, which copy each piece once or twice more. Where the system can,
one call fills the whole buffer or ends after a moment with what came. So a fast line costs few
calls, and whoever reads a slow one looks around ten times a second, whatever the server does.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable

from urllib3.util.ssltransport import SSLTransport

from herd.transfer.tls import Records

MOMENT = 0.1
"""Seconds after which a read ends with what came, if only nothing."""

_MOST_AHEAD = 64 * 1024
"""More than http.client ever reads beyond the head of an answer."""
_TIMEVAL = struct.pack("@ll", 0, round(MOMENT * 1e6))
_NOT_NOW = (BlockingIOError, TimeoutError, ssl.SSLWantReadError)


class BodyReader:
    """Reads one body from the socket that it comes through."""

    def __init__(self, sock: socket.socket | SSLTransport, ahead: io.BufferedReader) -> None:
        """Take what http.client read too much.

        Raises:
            OSError: the connection is broken.
        """
        self._ahead = _drained(sock, ahead)
        self._read: Callable[[memoryview], int | None]
        if isinstance(sock, SSLTransport):
            self._read = Records(sock, MOMENT).read_into
            return
        self._sock = sock
        if not isinstance(sock, ssl.SSLSocket) and _fills(sock):
            self._read = self._filled
        else:
            sock.settimeout(MOMENT)
            self._read = self._gathered

    def read_into(self, view: memoryview) -> int | None:
        """Bytes that came within a moment; 0 at the end of the stream, None when none came.

        Raises:
            OSError: the connection is broken.
        """
        if self._ahead:
            count = min(len(view), len(self._ahead))
            view[:count], self._ahead = self._ahead[:count], self._ahead[count:]
            return count
        return self._read(view)

    def _filled(self, view: memoryview) -> int | None:
        try:
            return self._sock.recv_into(view, 0, socket.MSG_WAITALL)
        except _NOT_NOW:
            return None

    def _gathered(self, view: memoryview) -> int | None:
        """A TLS socket gives one record at a time, so they are put together."""
        count, end = 0, time.monotonic() + MOMENT
        while count < len(view):
            try:
                more = self._sock.recv_into(view[count:])
            except _NOT_NOW:
                return count or None
            except OSError:
                if not count:
                    raise
                return count  # the next read meets it again
            if not more:
                return count
            count += more
            if time.monotonic() > end:
                break
        return count


def _drained(sock: socket.socket | SSLTransport, ahead: io.BufferedReader) -> bytes:
    """What lies in the reader; afterwards nothing does, and it need not be asked again."""
    sock.settimeout(0)
    with contextlib.suppress(*_NOT_NOW):
        return ahead.read1(len(ahead.peek(_MOST_AHEAD)))
    return b""


def _fills(sock: socket.socket) -> bool:
    """Have one call wait for a whole buffer, but for a moment at most, if this system can."""
    if sys.platform == "win32":
        return False  # a receive that timed out there leaves the socket in no defined state
    try:
        sock.settimeout(None)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL)
    except OSError:
        return False
    return True
