"""Where an address may lead, who may see a credential, and which certificates count."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from herd.errors import Interrupted, SourceFailed, SourceRefused
from herd.model import HfSource, UrlSource
from herd.transfer import begun
from herd.transfer.download import HttpCarrier
from herd.transfer.mirror import Address
from herd.transfer.reach import Endpoint, Kind, Reach, kind_of
from tests.tools.http_server import PATH, Faults, FileServer, Request
from tests.tools.proxy import Proxy
from tests.transfer.desk import CONTENT, QUICK, Desk, digest, promise


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate for 127.0.0.1, signed by itself."""
    return make_certificate(tmp_path / "server.pem", "IP:127.0.0.1")


def make_certificate(path: Path, name: str) -> Path:
    key, cert = path.with_suffix(".key"), path.with_suffix(".crt")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=test", "-addext", f"subjectAltName={name}", "-days", "2"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(key.read_text() + cert.read_text())
    return path


def test_a_redirect_is_followed_to_another_host(
    desk: Desk, server: FileServer, other: FileServer
) -> None:
    server.redirects = {PATH: other.url}
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert other.bytes_sent == len(CONTENT)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/", "http://["]
)
def test_a_redirect_that_is_no_http_address_is_refused(
    desk: Desk, server: FileServer, location: str
) -> None:
    server.redirects = {PATH: location}
    with pytest.raises(SourceRefused, match="redirects to"):
        desk.get(server.url)


def test_the_body_of_a_redirect_is_not_read(
    desk: Desk, server: FileServer, other: FileServer
) -> None:
    server.redirects, server.redirect_body = {PATH: other.url}, 1 << 30
    assert desk.get(server.url).sha256 == digest(CONTENT)
    assert server.bytes_sent < 8_000_000


def test_a_configured_private_address_may_lead_to_its_like(
    desk: Desk, server: FileServer, other: FileServer
) -> None:
    server.redirects = {PATH: other.url}
    assert desk.get(server.url).size == len(CONTENT)


class Expiring(FileServer):
    """Its links work once, and are refused from then on, however fresh."""

    def enter(self, request: Request) -> Faults:
        super().enter(request)
        return Faults(end_after=100_000) if len(self.requests) == 2 else Faults(status=403)


def test_a_fresh_link_that_is_refused_is_final(desk: Desk) -> None:
    """Else a server whose clock is wrong would be asked for links again and again."""
    desk.http = HttpCarrier(QUICK, Reach, 1)
    with Expiring(CONTENT) as server:
        server.redirects = {PATH: "/link"}
        with pytest.raises(SourceRefused, match="gated or removed"):
            desk.get(server.url)
    asked = [request.path for request in server.requests]
    assert asked == [PATH, "/link", "/link", PATH, "/link"]
    assert begun(desk.staged) == 100_000, "what came is kept"


def test_the_address_that_was_vetted_is_the_one_that_is_connected_to(
    desk: Desk, server: FileServer, other: FileServer
) -> None:
    """A name that leads to this machine when it is looked up once more (DNS rebinding)."""
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> tuple[Endpoint, ...]:
        looked_up.append(host)
        is_rebound = looked_up.count("rebound.example") > 1
        return (Endpoint(socket.AF_INET, ("127.0.0.2" if is_rebound else "127.0.0.1", port)),)

    def kind(address: str) -> Kind:
        return Kind.PUBLIC if address == "127.0.0.1" else kind_of(address)

    port = server.origin.rpartition(":")[2]
    server.redirects = {PATH: f"http://rebound.example:{port}/link"}
    desk.http = HttpCarrier(QUICK, lambda url: Reach(url, kind=kind, resolve=resolve), 1)
    assert desk.get(f"http://home.example:{port}{PATH}").sha256 == digest(CONTENT)
    assert looked_up == ["home.example", "rebound.example"]
    assert other.requests == []


def test_a_token_goes_to_its_own_origin_alone(
    desk: Desk, server: FileServer, other: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("HF_ENDPOINT", server.origin)
    path = "/user/name/resolve/main/model.gguf"
    server.redirects = {path: other.url}
    source = HfSource("user/name", "main", "model.gguf")
    assert desk.http.fetch(desk.wish(promise(source))).sha256 == digest(CONTENT)
    assert server.requests[0].headers["authorization"] == "Bearer secret"
    assert "authorization" not in other.requests[0].headers


def test_a_token_is_not_sent_to_a_host_that_only_a_registry_named() -> None:
    environ = {"HF_TOKEN": "secret"}
    assert Address.of(UrlSource("https://mirror.example/x"), environ).token is None
    assert Address.of(UrlSource("http://huggingface.co/x"), environ).token is None
    assert Address.of(UrlSource("https://huggingface.co/x"), environ).token == "secret"


def test_a_token_is_never_shown() -> None:
    environ = {"HF_TOKEN": "secret"}
    assert "secret" not in Address.of(UrlSource("https://huggingface.co/x"), environ).host


def test_a_password_in_a_netrc_file_is_not_sent(
    desk: Desk, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    desk.get(server.url)
    assert "authorization" not in server.requests[0].headers


@pytest.fixture
def secure(certificate: Path) -> Iterator[FileServer]:
    with FileServer(CONTENT, certificate=certificate) as running:
        yield running


def test_a_certificate_that_nobody_vouches_for_is_final(desk: Desk, secure: FileServer) -> None:
    with pytest.raises(
        SourceRefused, match=r"certificate of 127\.0\.0\.1 is not to be trusted"
    ) as caught:
        desk.get(secure.url)
    assert caught.value.hint is not None
    assert "REQUESTS_CA_BUNDLE" in caught.value.hint
    assert secure.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_of_ones_own_counts(
    desk: Desk,
    secure: FileServer,
    certificate: Path,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, str(certificate.with_suffix(".crt")))
    assert desk.get(secure.url).sha256 == digest(CONTENT)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_variable_that_names_no_file_is_said_and_nobody_is_asked(
    desk: Desk,
    secure: FileServer,
    server: FileServer,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "/nowhere/own.pem")
    words = f"{variable} names /nowhere/own.pem, where no certificates are"
    with pytest.raises(SourceRefused, match=words) as caught:
        desk.get(secure.url)
    assert caught.value.hint == f"Let {variable} name the file, or unset it."
    assert secure.requests == []
    assert desk.get(server.url).sha256 == digest(CONTENT), "plain http needs none"


def test_https_never_becomes_http(
    desk: Desk,
    secure: FileServer,
    server: FileServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    secure.redirects = {PATH: server.url}
    with pytest.raises(SourceRefused, match="from https to http"):
        desk.get(secure.url)
    assert server.requests == []


def test_a_stop_ends_a_secure_transfer_that_stalls(
    desk: Desk, secure: FileServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    secure.faults = Faults(stall_after=100_000, times=1)
    assert desk.get(secure.url).sha256 == digest(CONTENT)


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_a_proxy_of_the_environment_is_used(
    desk: Desk, server: FileServer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"{scheme}://{proxy.address}")
        assert desk.get(server.url).sha256 == digest(CONTENT)
        assert proxy.targets


def test_a_secure_transfer_goes_through_a_tunnel_of_the_proxy(
    desk: Desk, secure: FileServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        assert desk.get(secure.url).sha256 == digest(CONTENT)
        assert proxy.targets == [secure.origin.removeprefix("https://")]


@pytest.mark.parametrize("is_secure", [True, False])
def test_a_proxy_is_spoken_to_over_tls_where_its_address_says_so(
    desk: Desk,
    server: FileServer,
    secure: FileServer,
    certificate: Path,
    is_secure: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    asked = secure if is_secure else server
    asked.faults = Faults(reset_after=len(CONTENT) // 3, times=1)
    with Proxy(certificate) as proxy:
        monkeypatch.setenv("HTTPS_PROXY" if is_secure else "HTTP_PROXY", f"https://{proxy.address}")
        assert desk.get(asked.url).sha256 == digest(CONTENT)
        assert proxy.targets[0] == asked.origin.partition("://")[2]


@pytest.mark.parametrize("is_secure", [True, False])
def test_a_proxy_whose_certificate_nobody_vouches_for_is_final(
    desk: Desk,
    server: FileServer,
    secure: FileServer,
    certificate: Path,
    is_secure: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = secure if is_secure else server
    with Proxy(certificate) as proxy:
        monkeypatch.setenv("HTTPS_PROXY" if is_secure else "HTTP_PROXY", f"https://{proxy.address}")
        with pytest.raises(SourceRefused, match="certificate of the proxy is not to be trusted"):
            desk.get(asked.url)
        assert proxy.targets == []
    assert asked.requests == []


def test_hosts_that_need_no_proxy_are_asked_directly(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        desk.get(server.url)
        assert proxy.targets == []


def test_a_stop_does_not_wait_for_a_proxy_that_says_nothing(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HTTP_PROXY", f"socks5://127.0.0.1:{silent.getsockname()[1]}")
        desk.http = HttpCarrier(replace(QUICK, connect=60))
        with ThreadPoolExecutor() as pool:
            getting = pool.submit(desk.get, server.url)
            client, _ = silent.accept()
            with client:
                desk.stop.set()
                with pytest.raises(Interrupted):
                    getting.result(timeout=20)


def test_a_proxy_that_is_down_is_named_as_the_trouble(
    desk: Desk, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy() as proxy:
        address = proxy.address
    monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
    with pytest.raises(SourceFailed, match=r"proxy|cannot be reached"):
        desk.get(server.url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "localhost."]
)
def test_an_address_is_known_behind_a_proxy_however_it_is_written(host: str) -> None:
    with pytest.raises(SourceRefused, match="leads into this machine"):
        Reach("https://example.org/model.gguf").check_written(f"http://{host}/admin")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", Kind.PUBLIC),
        ("127.8.9.1", Kind.LOOPBACK),
        ("::1", Kind.LOOPBACK),
        ("::ffff:127.0.0.1", Kind.LOOPBACK),
        ("10.0.0.1", Kind.PRIVATE),
        ("192.168.1.1", Kind.PRIVATE),
        ("100.64.0.1", Kind.PRIVATE),
        ("fd00::1", Kind.PRIVATE),
        ("169.254.169.254", Kind.LINK_LOCAL),
        ("fe80::1%eth0", Kind.LINK_LOCAL),
        ("64:ff9b::a00:1", Kind.PRIVATE),
        ("2002:7f00:1::", Kind.LOOPBACK),
        ("0.0.0.0", Kind.OTHER),
        ("224.0.0.1", Kind.OTHER),
    ],
)
def test_where_an_address_lies(address: str, kind: Kind) -> None:
    assert kind_of(address) is kind
