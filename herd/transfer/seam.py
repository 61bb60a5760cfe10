"""The seam between the two engines: HTTP mirrors look like web seeds (BEP 19) on loopback.

libtorrent picks pieces, proves them and bans liars; herd speaks to the mirrors: TLS,
proxies, redirects, credentials, Retry-After, links that expire, stalls. Left to itself
libtorrent gives a mirror up for the life of the transfer after a single 503, never asks
for an expired link again, and cannot use a server behind a redirect for long.

    http://127.x.y.z:<port>/<token>/<mirror>/<mouth>/model

Each address is one *mouth* of a mirror, that is one connection to it; a ban of a mouth
hits one mirror alone. A mouth answers exactly the range that it was asked for: on trouble
it holds the answer and takes the mirror up again inside the same range, so that libtorrent
never hears of a status or a redirect. A mirror that is out for good breaks the answer off.
"""

from __future__ import annotations

import logging
import random
import secrets
import select
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from herd.errors import Interrupted, SourceFailed, SourceRefused
from herd.transfer.budget import Budget
from herd.transfer.http import Line
from herd.transfer.mirror import Body
from herd.transfer.mirrors import Hosts, Mirrors, Standing
from herd.transfer.patience import Patience
from herd.transfer.ranges import Asked, Unsatisfied
from herd.transfer.seam_givers import Givers
from herd.transfer.seam_once import Once, Stream
from herd.transfer.trials import Trials
from herd.transfer.watch import Watch

log = logging.getLogger(__name__)

_BUFFER = 256 * 1024
_LEAST = 16 * 1024
"""Bytes to read at once under a limit, however low that is."""
_TICK = 0.05
_FALLBACK = "127.0.0.1"
"""Where the platform has no other loopback address."""


@dataclass(frozen=True)
class Mouth:
    """One connection to one mirror, as libtorrent sees it."""

    mirror: int
    """Its place among the mirrors."""
    number: int


class Seam:
    """Serves one file of known size from its mirrors; a context manager."""

    def __init__(
        self, size: int, mirrors: Sequence[Standing], patience: Patience, stop: threading.Event
    ) -> None:
        """Listen, on a loopback address that nobody else is told of where there are many.

        Args:
            size: Bytes of the file; 0 until it is known.
            mirrors: Where it may come from; what becomes of them is noted in each. Of two at one
                address the first counts.
            patience: What a mirror is granted.
            stop: Set to end it.
        """
        self.size = size
        self.mirrors = Mirrors(_distinct(mirrors), patience, Hosts())
        self.watch = Watch(stop, patience)
        self.is_ended = threading.Event()
        self.pace = Budget()
        """How fast the mirrors may give all together: what they bring before libtorrent reads it
        waits in this machine, megabytes for each mouth, and no limit of libtorrent's holds it."""
        self._token = secrets.token_urlsafe(24)
        self.givers, self.trials, self.once = Givers(), Trials(), Once()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = _listen(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_TICK,), name="herd-seam", daemon=True
        )

    def __enter__(self) -> Self:
        self.watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_ended.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self.watch.cut()
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self.watch.__exit__(None, None, None)

    def learn(self, size: int, more: Sequence[Standing]) -> None:
        """The metadata came: how long the file is, and where else it may come from."""
        self.size = size
        self.mirrors.each = _distinct((*self.mirrors.each, *more))

    @property
    def host(self) -> str:
        """The one address at which it listens."""
        return str(self._server.server_address[0])

    @property
    def connections(self) -> int:
        """How many mouths libtorrent is connected to now."""
        with self._lock:
            return len(self._open)

    def url(self, mouth: Mouth, *, is_folder: bool) -> str:
        """The address of a mouth.

        Args:
            mouth: Which.
            is_folder: Whether the torrent is one of several files: libtorrent appends the
                path of the file that it wants.
        """
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()  # and not before anybody can come
        place = f"http://{self.host}:{self._server.server_address[1]}/{self._token}"
        return f"{place}/{mouth.mirror}/{mouth.number}/" + ("" if is_folder else "model")

    def mirror_at(self, path: str) -> Standing | None:
        """The mirror that a path of this seam leads to."""
        token, _, rest = path.removeprefix("/").partition("/")
        index = rest.partition("/")[0]
        known = secrets.compare_digest(token.encode(), self._token.encode())
        if not known or not index.isdecimal() or int(index) >= len(self.mirrors.each):
            return None
        return self.mirrors.each[int(index)]

    def enter(self, client: socket.socket) -> None:
        """Libtorrent connected."""
        with self._lock:
            self._open.add(client)

    def leave(self, client: socket.socket) -> None:
        """Libtorrent is gone."""
        with self._lock:
            self._open.discard(client)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    seam: Seam

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Report a client that went away, which is how libtorrent ends a request."""
        log.debug("seam: %s", client_address, exc_info=True)


def _listen(seam: Seam) -> _Server:
    octets = [random.SystemRandom().randint(2, 253) for _ in range(3)]
    for host in ("127." + ".".join(map(str, octets)), _FALLBACK):
        with suppress(OSError):
            server = _Server((host, 0), _Asked)
            server.seam = seam
            return server
    raise SourceFailed("no address of this machine is free for the mirrors")


class _Asked(BaseHTTPRequestHandler):
    """One connection of libtorrent's."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._line: Line | None = None
        self.server.seam.enter(self.connection)

    def finish(self) -> None:
        if self._line is not None:
            self._line.__exit__(None, None, None)
        self.server.seam.leave(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as declared
        """Say nothing: paths have the token."""

    def do_GET(self) -> None:
        """Answer one range, from its first byte to its last, however long that takes."""
        seam = self.server.seam
        one, asked = seam.mirror_at(self.path), _range(self.headers.get("Range", ""), seam.size)
        if one is None or asked is None:
            self.close_connection = True
            self.send_error(404)
            return
        start, stop = asked
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{seam.size}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        line = self._line_to(one)
        try:
            self.close_connection = not _Pour(seam, one, self.connection, line).run(start, stop)
            line.idle()
        except OSError:
            self.close_connection = True

    def _line_to(self, one: Standing) -> Line:
        # A connection asks one mouth only, so its line is kept for the next range.
        if self._line is None:
            self._line = Line(one.reach, self.server.seam.watch)
        return self._line


class _Pour:
    """A range on its way from a mirror to libtorrent."""

    def __init__(self, seam: Seam, one: Standing, client: socket.socket, line: Line) -> None:
        self._seam = seam
        self._one = one
        self._client = client
        self._line = line
        self._buffer = memoryview(bytearray(_BUFFER))
        self._stream: Stream

    def run(self, start: int, stop: int) -> bool:
        """Bring the range; False when it must be broken off."""
        copy = self._seam.once.copy(start, stop, self._is_over)
        if copy is not None:
            self._client.sendall(copy)
            return True
        if self._is_over():
            return False
        seam = self._seam
        is_proved = seam.trials.has_proved(self._one.key)
        self._stream = seam.once.begin(start, stop, is_proved=is_proved)
        try:
            return self._bring(stop)
        finally:
            seam.once.end(self._stream)

    def _bring(self, stop: int) -> bool:
        while self._at < stop:
            if not self._wait():
                return False
            limit = self._seam.trials.limit(self._one.key, self._at, stop)
            if limit == self._at:
                self._line.idle()
                self._seam.trials.wait(_TICK)
                continue
            began, done = time.monotonic(), self._at
            try:
                self._try(limit)
            except Interrupted:
                return False
            except SourceFailed as trouble:
                self._line.hang_up()
                self._moved(done, began)
                if self._seam.is_ended.is_set():
                    return False
                self._note(trouble, began)
                continue
            self._moved(done, began)
        return True

    def _try(self, stop: int) -> None:
        one, seam, asked = self._one, self._seam, time.monotonic()
        body = one.mirror.open(self._line, Asked(self._at, seam.size, stop))
        # One that sends the whole file has its beginning, and would send it for each range.
        if isinstance(body, Unsatisfied) or (body.span.is_whole and (self._at or stop < seam.size)):
            one.is_single = True
            raise SourceRefused(f"{one.host} sends no part of the file, only all of it")
        seam.mirrors.answered(one, body.span.etag, time.monotonic() - asked)
        self._send(body, body.head[: stop - self._at])
        while self._at < min(stop, body.span.stop):
            limit = self._seam.pace.limit
            most = _BUFFER if limit is None else min(_BUFFER, max(_LEAST, limit // 16))
            left = min(most, stop - self._at)
            count = body.read_into(self._buffer[:left])
            if not count:
                raise SourceFailed(f"{one.host} stopped before the end")
            self._send(body, self._buffer[:count])
        if not body.answer.is_over:
            self._line.hang_up()

    def _send(self, body: Body, piece: bytes | memoryview) -> None:
        if not piece:
            return
        if not select.select([], [self._client], [], 0)[1]:
            # libtorrent has enough for now; the mirror is not to be blamed for it.
            body.answer.rest()
            while not select.select([], [self._client], [], _TICK)[1]:
                if self._seam.is_ended.is_set():
                    raise Interrupted("The transfer was stopped.")
            body.answer.go_on()
        self._client.sendall(piece)
        self._seam.givers.gave(self._one.key, self._at, self._at + len(piece))
        self._seam.once.gave(self._stream, piece)
        self._pay(body, len(piece))

    def _pay(self, body: Body, count: int) -> None:
        """Keep to the limit, for as long as it is that one."""
        pace = self._seam.pace
        limit, end = pace.limit, time.monotonic() + pace.spend(count)
        if limit is None:
            return
        body.answer.rest()
        while pace.limit == limit and (left := end - time.monotonic()) > 0:
            if self._seam.is_ended.wait(min(_TICK, left)):
                raise Interrupted("The transfer was stopped.")
        body.answer.go_on()

    def _wait(self) -> bool:
        """Until the mirror may be asked; False when there is nothing to wait for."""
        one, seam = self._one, self._seam
        while one.is_usable and not seam.is_ended.is_set():
            if time.monotonic() >= one.until:
                return True
            if self._is_over():
                return False
            seam.is_ended.wait(_TICK)
        return False

    @property
    def _at(self) -> int:
        """The next byte."""
        return self._stream.at

    def _is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        seam = self._seam
        return seam.is_ended.is_set() or seam.watch.stop.is_set() or self._is_gone()

    def _is_gone(self) -> bool:
        """Whether libtorrent hung up; what it asks next may be waiting already."""
        with suppress(BlockingIOError):
            return not self._client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        return False

    def _moved(self, done: int, began: float) -> None:
        count = self._at - done
        self._seam.mirrors.moved(self._one, count, time.monotonic() - began, count)

    def _note(self, trouble: SourceFailed, began: float) -> None:
        log.info("%s: %s", self._one.host, trouble.message)
        self._seam.mirrors.failed(self._one, trouble, began, time.monotonic())


def _distinct(mirrors: Sequence[Standing]) -> tuple[Standing, ...]:
    """Each address once: a .torrent may name a mirror that the registry has, too."""
    found: dict[str, Standing] = {}
    for one in mirrors:
        found.setdefault(one.key, one)
    return tuple(found.values())


def _range(text: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header asks for, as libtorrent writes it."""
    unit, _, span = text.partition("=")
    first, _, last = span.partition("-")
    if unit != "bytes" or not (first.isdecimal() and last.isdecimal()):
        return None
    start, stop = int(first), int(last) + 1
    return (start, stop) if 0 <= start < stop <= size else None
