"""HTTP as the outside world speaks it: one request, one answer, bytes. No retries, no files.

The only module that imports requests. Proxies, certificates and their variables are
those of requests; connections are herd's own, so that they lead only to vetted
addresses and can be cut from another thread. Everything foreign is a SourceFailed here.
"""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from herd import __version__
from herd.errors import SourceFailed, SourceRefused
from herd.transfer.body_reader import BodyReader
from herd.transfer.reach import Endpoint, Reach
from herd.transfer.tls import BUNDLES, Context, check_bundle
from herd.transfer.watch import Guard, Watch

USER_AGENT = f"herd/{__version__}"

_TICK = 0.1
_PIECE = 256 * 1024
"""Bytes asked of the socket at once; below 64 KiB Python itself is the brake."""


class Answer:
    """The head of an answer, and its body as it comes."""

    def __init__(self, response: requests.Response, guard: Guard) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._guard = guard
        self._where = _host(response.url)
        self._inner: http.client.HTTPResponse | None = None
        self._left: int | None = None
        self._flow: BodyReader | None = None
        inner = getattr(response.raw, "_fp", None)
        if isinstance(inner, http.client.HTTPResponse) and not inner.chunked:
            self._inner, self._left = inner, inner.length

    @property
    def is_over(self) -> bool:
        """Whether the whole body was read, so that the connection can serve again."""
        return self._left == 0

    def read_into(self, view: memoryview) -> int:
        """Put the next bytes into `view`: all that it holds, or what came within a moment.

        Returns:
            How many; 0 at the end, early or not.

        Raises:
            SourceFailed: the connection broke, or was cut for being slow.
            Interrupted: the transfer was stopped.
        """
        try:
            while (count := self._take(view)) is None:
                self._guard.check(self._where)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            self._guard.check(self._where)
            raise SourceFailed(f"{self._where} broke the connection off") from error
        if not count:
            self._guard.check(self._where)
        self._guard.saw(count)
        return count

    def read(self, most: int = _PIECE) -> bytes:
        """The next bytes as they are; empty at the end. As read_into."""
        piece = bytearray(min(most, _PIECE))
        return bytes(piece[: self.read_into(memoryview(piece))])

    def rest(self) -> None:
        """Nothing is read for a while, and the server is not to be blamed for it."""
        self._guard.rest()

    def go_on(self) -> None:
        """It is read again."""
        self._guard.expect_body()

    def close(self) -> None:
        """Give the connection up, or back where the whole body was read."""
        if self.is_over and self._inner is not None:
            self._inner.close()
            self._response.raw.release_conn()
        else:
            self._response.close()

    def _take(self, view: memoryview) -> int | None:
        inner = self._inner
        if inner is None or inner.fp is None:
            if self._left is not None:
                return 0
            piece = self._response.raw.read1(len(view), decode_content=False)
            view[: len(piece)] = piece
            return len(piece)
        # Below urllib3, which would also count the bytes; so that is done here.
        if self._left is not None:
            view = view[: self._left]
        if not view:
            return 0
        count = self._read(inner, view)
        if self._left is not None and count is not None:
            self._left -= count
        return count

    def _read(self, inner: http.client.HTTPResponse, view: memoryview) -> int | None:
        if self._flow is None:
            sock = getattr(self._response.raw.connection, "sock", None)
            if sock is None:
                return inner.fp.readinto1(view)  # a server that closes: no slower
            self._flow = BodyReader(sock, inner.fp)
        return self._flow.read_into(view)


class Line:
    """A way out to the network for one source: one request at a time, connections kept."""

    def __init__(self, reach: Reach, watch: Watch) -> None:
        self._reach = reach
        self._watch = watch
        self._patience = watch.patience
        self._guard = watch.guard()
        self._session: requests.Session | None = None
        self._answer: Answer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._watch.dismiss(self._guard)

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Ask once; redirects are answers like others.

        Raises:
            SourceFailed: no answer came.
            SourceRefused: none ever will: a certificate, an address, a URL that is wrong.
            Interrupted: the transfer was stopped.
        """
        self._make_ready()
        was_used = self._session is not None
        try:
            return self._ask(url, headers)
        except SourceRefused:
            raise
        except SourceFailed:
            self._guard.check(_host(url))
            if not was_used:
                raise
        # A connection that was kept may be closed by now without anybody's fault.
        self.hang_up()
        return self._ask(url, headers)

    def _ask(self, url: str, headers: Mapping[str, str]) -> Answer:
        self._guard.expect_head()
        session = self._session = self._session or self._opened()
        asked = requests.Request("GET", url, headers=dict(headers), auth=_as_it_is)
        try:
            response = self._send(session, session.prepare_request(asked))
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            self._guard.check(_host(url))
            raise _translated(error, url) from error
        self._guard.expect_body()
        self._answer = Answer(response, self._guard)
        return self._answer

    def _make_ready(self) -> None:
        """Keep the connection if the last answer was read to its end."""
        if self._answer is not None and not self._answer.is_over:
            self.hang_up()
        elif self._answer is not None:
            self._answer.close()
            self._answer = None

    def idle(self) -> None:
        """Nothing is asked for a while: a connection that can serve again is kept."""
        self._make_ready()
        self._guard.rest()

    def hang_up(self) -> None:
        """Close what is open."""
        self._guard.release()
        if self._answer is not None:
            self._answer.close()
            self._answer = None
        if self._session is not None:
            self._session.close()
            self._session = None

    def connect(self, host: str, port: int, *, is_proxy: bool) -> socket.socket:
        """A connected socket that the watch can cut."""
        found = self._look_up(host, port, is_proxy=is_proxy)
        trouble: OSError | None = None
        for endpoint in found:
            try:
                sock = self._reached(host, endpoint)
            except OSError as error:
                trouble = error
                continue
            return self.hold(sock)
        reason = f" ({trouble.strerror.lower()})" if trouble and trouble.strerror else ""
        raise SourceFailed(f"{host} cannot be reached{reason}") from trouble

    def hold(self, sock: socket.socket) -> socket.socket:
        """Let the watch guard a socket that this line made or a proxy's client made."""
        self._guard.hold(sock)
        return sock

    def wait_for(self, connect: Callable[[], socket.socket], host: str) -> socket.socket:
        """The socket of a client that connects by itself."""
        return self._guard.wait_for(connect, host)

    def _send(
        self, session: requests.Session, request: requests.PreparedRequest
    ) -> requests.Response:
        url = request.url or ""
        if url.lower().startswith("https:"):
            check_bundle()
        settings = session.merge_environment_settings(url, {}, True, _bundle(), None)
        if requests.utils.select_proxy(url, settings["proxies"]):
            self._reach.check_written(url)
        patience = self._patience
        timeout = (patience.connect, patience.connect + patience.first_byte + patience.slow_for)
        return session.send(request, timeout=timeout, allow_redirects=False, **settings)

    def _opened(self) -> requests.Session:
        session = _Session()
        session.headers.clear()
        session.headers["User-Agent"] = USER_AGENT
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(self))
        return session

    def _look_up(self, host: str, port: int, *, is_proxy: bool) -> tuple[Endpoint, ...]:
        """Names resolved aside, so that a silent name server cannot hold the person up."""
        return self._guard.wait_for(
            lambda: self._reach.addresses(host, port, is_proxy=is_proxy), host
        )

    def _reached(self, host: str, endpoint: Endpoint) -> socket.socket:
        sock = socket.socket(endpoint.family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            sock.connect_ex(endpoint.address)
            self._await_connection(host, sock)
            sock.settimeout(self._patience.connect)
        except BaseException:
            sock.close()
            raise
        return sock

    def _await_connection(self, host: str, sock: socket.socket) -> None:
        deadline = time.monotonic() + self._patience.connect
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            while not selector.select(_TICK):
                self._guard.check(host)
                if time.monotonic() > deadline:
                    raise TimeoutError(0, "no answer")
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, os.strerror(code))


class _Session(requests.Session):
    """A session that leaves redirects alone; requests would read their bodies, however long."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002  # as declared
        return None


class _Adapter(HTTPAdapter):
    """Requests' adapter over connections that a Line makes."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._direct = _pools(line, is_proxy=False)
        self._through = _pools(line, is_proxy=True)
        super().__init__(pool_connections=1, pool_maxsize=1)

    def close(self) -> None:
        """Close what is kept open; urllib3 would leave that to the garbage collector."""
        for each in (self.poolmanager, *self.proxy_manager.values()):
            for key in each.pools.keys():  # noqa: SIM118  # its iteration is not allowed
                each.pools[key].close()
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # as requests declares it
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._direct

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # as requests declares it
        made = super().proxy_manager_for(proxy, **kwargs)
        if proxy.lower().startswith("socks"):
            pools = made.pool_classes_by_scheme
            made.pool_classes_by_scheme = {each: _held(self._line, pools[each]) for each in pools}
        else:
            made.pool_classes_by_scheme = self._through
        return made


def _pools(line: Line, *, is_proxy: bool) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return line.connect(self._dns_host, self.port or 80, is_proxy=is_proxy)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            self.ssl_context = self.ssl_context or Context()
            if self.cert_reqs != "CERT_REQUIRED":  # a proxy of http addresses: requests trusts any
                check_bundle()
                found, self.cert_reqs = _bundle(), "CERT_REQUIRED"
                setattr(self, "ca_cert_dir" if Path(found).is_dir() else "ca_certs", found)
            return line.connect(self._dns_host, self.port or 443, is_proxy=is_proxy)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _held(line: Line, pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Pools of the SOCKS client: it connects by itself, the line only guards the socket."""

    class Held(pool.ConnectionCls):  # type: ignore[misc, name-defined]  # the class is a value
        def _new_conn(self) -> socket.socket:
            return line.hold(line.wait_for(super()._new_conn, self.host))

    class HeldPool(pool):  # type: ignore[misc, valid-type]  # the class is a value
        ConnectionCls = Held

    return HeldPool


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials but those in the headers: not from ~/.netrc, not from the URL."""
    return request


def _bundle() -> str:
    """Where the certificates lie that vouch for others."""
    named = [found for name in BUNDLES if (found := os.environ.get(name))]
    return named[0] if named else requests.utils.DEFAULT_CA_BUNDLE_PATH


def _translated(error: Exception, url: str) -> SourceFailed:
    text, where = str(error), _host(url)
    is_proxy = isinstance(error, requests.exceptions.ProxyError | urllib3.exceptions.ProxyError)
    if is_proxy or isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        whose = "the proxy" if is_proxy or url.lower().startswith("http:") else where
        if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
            return SourceRefused(
                f"the certificate of {whose} is not to be trusted ({_why_distrusted(text)})",
                "Where an authority of your own signed it, set REQUESTS_CA_BUNDLE to its file.",
            )
        if not is_proxy:
            return SourceFailed(f"{whose} broke the secure connection off")
        return SourceFailed("the proxy did not connect", "Check HTTPS_PROXY and HTTP_PROXY.")
    if isinstance(error, requests.exceptions.Timeout):
        return SourceFailed(f"{where} gave no answer in time")
    if isinstance(error, ValueError):
        return SourceRefused(f"{where or 'this'} is not an address that can be asked")
    return SourceFailed(f"{where} broke the connection off")


def _why_distrusted(text: str) -> str:
    _, _, reason = text.partition("certificate verify failed: ")
    return reason.partition(" (_ssl")[0].partition("')")[0][:120] or "it does not verify"


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""
