"""TLS connections: records are opened many at a time, and every way that they end is met."""

from __future__ import annotations

import fcntl
import socket
import ssl
import subprocess
import termios
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from herd.transfer.tls import Context, Records
from tests.tools.http_server import Faults, FileServer
from tests.tools.wait import until
from tests.transfer.desk import CONTENT, Desk, digest
from tests.transfer.test_http_trust import make_certificate

if TYPE_CHECKING:
    from urllib3.util.ssltransport import SSLTransport

RECORD = 16 * 1024
BYTES = bytes(range(256)) * 64
"""As many as one record holds."""


class Server:
    """The other end; it seals records itself, so that they can be sent in pieces, or broken."""

    def __init__(self, sock: socket.socket, certificate: Path) -> None:
        self.sock = sock
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.sock.sendall(self._outgoing.read())
                self._incoming.write(self.sock.recv(RECORD))
            else:
                self.sock.sendall(self._outgoing.read())
                return

    def sealed(self, content: bytes) -> bytes:
        """The records of these bytes."""
        self._tls.write(content)
        return self._outgoing.read()

    def farewell(self) -> bytes:
        """The alert that nothing follows."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._outgoing.read()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path / "server.pem", "IP:127.0.0.1")


@contextmanager
def met(certificate: Path, *, is_nested: bool = False) -> Iterator[tuple[Server, Records]]:
    """Two ends that shook hands; nested: within another TLS connection."""
    near, far = socket.socketpair()
    near.settimeout(10)
    far.settimeout(10)
    ends: list[Server] = []

    def serve() -> None:
        sock = far
        if is_nested:
            outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            outer.load_cert_chain(certificate)
            sock = outer.wrap_socket(far, server_side=True)
        end = Server(sock, certificate)
        end.shake_hands()
        ends.append(end)

    serving = threading.Thread(target=serve)
    serving.start()
    sock: socket.socket = near
    if is_nested:
        outer = ssl.create_default_context(cafile=certificate.with_suffix(".crt"))
        sock = outer.wrap_socket(near, server_hostname="127.0.0.1")
    transport = connected(sock, certificate)
    serving.join()
    try:
        yield ends[0], Records(transport, 0.05)
    finally:
        transport.close()
        ends[0].sock.close()


def connected(sock: socket.socket, certificate: Path) -> SSLTransport:
    context = Context()
    context.load_verify_locations(certificate.with_suffix(".crt"))
    return context.wrap_socket(sock, server_hostname="127.0.0.1")


def read(records: Records, count: int) -> bytes:
    """So many bytes, or all until the end."""
    content = memoryview(bytearray(count))
    at = 0
    while at < count and (more := records.read_into(content[at:])) != 0:
        at += more or 0
    return bytes(content[:at])


def test_a_context_is_as_strict_as_that_of_urllib3() -> None:
    context = Context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.hostname_checks_common_name
    assert context.options & ssl.OP_NO_COMPRESSION


@pytest.mark.parametrize("is_nested", [False, True])
def test_one_read_opens_many_records(certificate: Path, is_nested: bool) -> None:
    with met(certificate, is_nested=is_nested) as (server, records):
        server.sock.sendall(server.sealed(BYTES) + server.sealed(BYTES) + server.sealed(b"end"))
        view = memoryview(bytearray(2 * RECORD + 3))
        assert read(records, len(view)) == BYTES + BYTES + b"end"


def test_a_record_is_opened_when_all_of_it_is_there(certificate: Path) -> None:
    with met(certificate) as (server, records):
        sealed = server.sealed(BYTES)
        server.sock.sendall(sealed[:-1])
        view = memoryview(bytearray(RECORD))
        assert records.read_into(view) is None
        server.sock.sendall(sealed[-1:])
        assert read(records, RECORD) == BYTES


def test_what_came_within_a_moment_is_given_though_more_was_asked_for(certificate: Path) -> None:
    with met(certificate) as (server, records):
        server.sock.sendall(server.sealed(b"some"))
        view = memoryview(bytearray(RECORD))
        assert records.read_into(view) == 4
        assert bytes(view[:4]) == b"some"


@pytest.mark.parametrize("is_told", [True, False])
def test_the_end_is_an_end_though_nobody_tells_it(certificate: Path, is_told: bool) -> None:
    with met(certificate) as (server, records):
        server.sock.sendall(server.sealed(BYTES) + (server.farewell() if is_told else b""))
        server.sock.shutdown(socket.SHUT_WR)
        assert read(records, 2 * RECORD) == BYTES
        assert records.read_into(memoryview(bytearray(1))) == 0


def test_half_a_record_at_the_end_is_not_given(certificate: Path) -> None:
    with met(certificate) as (server, records):
        server.sock.sendall(server.sealed(BYTES) + server.sealed(BYTES)[: RECORD // 2])
        server.sock.close()
        assert read(records, 2 * RECORD) == BYTES


def test_a_broken_record_is_an_error_after_what_came_before_it(certificate: Path) -> None:
    with met(certificate) as (server, records):
        broken = bytearray(server.sealed(BYTES) + server.sealed(BYTES))
        broken[-1] ^= 1
        server.sock.sendall(broken)
        view = memoryview(bytearray(RECORD))
        assert read(records, RECORD) == BYTES
        with pytest.raises(OSError, match=r"MAC|decrypt"):
            records.read_into(view)


def test_a_line_that_is_cut_ends_at_once(certificate: Path) -> None:
    with met(certificate) as (server, records):
        held = records._transport.socket.dup()  # as a guard does
        held.shutdown(socket.SHUT_RDWR)
        held.close()
        assert records.read_into(memoryview(bytearray(1))) == 0
        assert server.sock.recv(1) == b""


def is_read(pipe: IO[bytes] | None) -> bool:
    """Whether nothing waits in a pipe."""
    assert pipe is not None
    left = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, left)
    return left[0] == 0


@pytest.mark.parametrize(("version", "command"), [("-tls1_3", "K"), ("-tls1_2", "r")])
def test_new_keys_are_agreed_under_way(
    certificate: Path, tmp_path: Path, version: str, command: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = ["openssl", "s_server", version, "-cert", str(certificate), "-accept", str(port)]
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=out, stderr=out) as server,
    ):
        assert server.stdin is not None
        try:
            until(lambda: b"ACCEPT" in log.read_bytes())
            transport = connected(socket.create_connection(("127.0.0.1", port)), certificate)
            records = Records(transport, 0.05)
            server.stdin.write(command.encode() + b"\n")
            server.stdin.flush()
            until(lambda: is_read(server.stdin))  # what it reads at once is one command
            assert records.read_into(memoryview(bytearray(8))) is None
            server.stdin.write(b"news\n")
            server.stdin.flush()
            assert read(records, 5) == b"news\n"
            view = memoryview(bytearray(8))
            # What the server waits for goes out.
            until(lambda: records.read_into(view) is None and not transport.outgoing.pending)
            transport.sendall(b"heard\n")
            until(lambda: b"heard" in log.read_bytes())
            transport.close()
        finally:
            server.kill()


@pytest.mark.parametrize(
    "faults",
    [
        Faults(end_after=100_000, times=2),
        Faults(reset_after=100_000, times=2),
        Faults(stall_after=100_000, times=2),
        Faults(splits_ranges=100_000),
    ],
    ids=["ends", "resets", "stalls", "splits"],
)
@pytest.mark.parametrize("keeps_alive", [True, False])
def test_a_secure_transfer_survives_what_a_plain_one_does(
    desk: Desk,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: Faults,
    keeps_alive: bool,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    with FileServer(CONTENT, certificate=certificate) as server:
        server.faults, server.keeps_alive = faults, keeps_alive
        assert desk.get(server.url).sha256 == digest(CONTENT)
        if keeps_alive and faults.splits_ranges:
            assert server.connections < len(server.requests)
