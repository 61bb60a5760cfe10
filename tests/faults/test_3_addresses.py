"""Addresses that lead in circles, elsewhere, or nowhere any more; and who vouches for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from herd.model import UrlSource
from tests.faults.person import CONTENT, ONE_CONNECTION, SIZE, Person
from tests.tools import nginx
from tests.tools.foreign import need
from tests.tools.http_server import PATH, Faults, FileServer


def test_a_redirect_in_circles_ends_after_ten_steps(person: Person, server: FileServer) -> None:
    server.redirects = {PATH: PATH}
    person.is_offered(server)

    ran = person.types()

    assert (ran.code, person.has) == (4, None)
    assert (len(server.requests), server.bytes_sent) == (11, 0)
    assert "127.0.0.1 redirects in circles." in ran.end
    assert "Name another source" in ran.end


def test_a_mirror_that_leads_in_circles_is_out_and_named(
    person: Person, server: FileServer, good: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.redirects = {PATH: PATH}
    person.is_offered(server, good)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert len(server.requests) == 11
    assert good.bytes_sent == SIZE
    assert "127.0.0.1 redirects in circles; it is asked last from now on." in ran.end


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.2/model.gguf"])
def test_a_redirect_to_another_kind_of_address_is_refused_and_named(
    person: Person, server: FileServer, good: FileServer, place: str
) -> None:
    person.environ |= ONE_CONNECTION
    server.redirects = {PATH: place}
    person.is_offered(server)

    alone = person.types()
    person.is_offered(server, good)
    together = person.types()

    words = f"127.0.0.1 redirects to a {place.partition(':')[0]} address, which herd does not"
    assert alone.code == 4
    assert words in alone.end
    assert (together.code, person.has) == (0, CONTENT)
    assert words in together.end
    assert server.bytes_sent == 0
    assert good.bytes_sent == SIZE


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "the redirect to 127.0.0.1 leads into this machine"),
        ("http://10.1.2.3/model.gguf", "the redirect to 10.1.2.3 leads into a private network"),
        ("http://169.254.169.254/latest", "169.254.169.254 leads into the local link"),
    ],
    ids=["this machine", "private", "metadata of a cloud"],
)
def test_a_public_mirror_leads_into_no_private_network(
    hasty: Person, server: FileServer, good: FileServer, place: str, words: str
) -> None:
    """To this herd 127.0.0.2 is a public address."""
    hasty.environ["HERD_FAULTS_PUBLIC"] = "127.0.0.2"
    good.redirects = {PATH: place or server.url}
    hasty.is_offered(good)

    ran = hasty.types()

    assert (ran.code, hasty.has) == (4, None)
    assert server.requests == []
    assert len(good.requests) == 1
    assert words in ran.end
    assert "Name that address yourself if it is what you want." in ran.end


def test_a_signed_address_that_expires_is_resolved_again_and_no_byte_lost(
    person: Person, server: FileServer
) -> None:
    person.environ |= ONE_CONNECTION
    server.signs = True
    server.faults = Faults(splits_ranges=SIZE // 5)
    person.is_offered(server)

    ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    assert server.bytes_sent == SIZE
    assert sum(request.path == PATH for request in server.requests) >= 5
    assert "verified." in ran.end


class Authority:
    """One that signs certificates for servers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "authority.crt"
        self._key = folder / "authority.key"
        words = ("-x509", "-subj", "/CN=Authority of a test", "-days", "2")
        self._request(self._key, self.certificate, *words)

    def sign(self, name: str, days: int = 2) -> Path:
        """Key and certificate of a server, in one file.

        Args:
            name: As openssl writes it: IP:127.0.0.1, DNS:example.org.
            days: How long it counts; below 0 it has expired.
        """
        key, request = self._folder / "server.key", self._folder / "server.csr"
        self._request(key, request, "-subj", "/CN=server", "-addext", f"subjectAltName={name}")
        signed = self._folder / "server.crt"
        self._openssl(
            *("x509", "-req", "-in", str(request), "-out", str(signed), "-days", str(days)),
            *("-CA", str(self.certificate), "-CAkey", str(self._key), "-CAcreateserial"),
            *("-copy_extensions", "copyall"),
        )
        both = self._folder / "server.pem"
        both.write_text(key.read_text() + signed.read_text())
        return both

    def _request(self, key: Path, out: Path, *words: str) -> None:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._openssl("req", *curve, "-keyout", str(key), "-out", str(out), *words)

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    need("nginx", "openssl")
    (tmp_path / "authority").mkdir()
    return Authority(tmp_path / "authority")


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """The folder of an nginx that has the file."""
    (tmp_path / "nginx" / "www").mkdir(parents=True)
    (tmp_path / "nginx" / "www" / "tiny.gguf").write_bytes(CONTENT)
    return tmp_path / "nginx"


def log(web: Path) -> str:
    """What nginx was asked."""
    return (web / "access.log").read_text()


def test_an_authority_of_ones_own_is_enough(
    person: Person, authority: Authority, web: Path
) -> None:
    person.environ |= {"SSL_CERT_FILE": str(authority.certificate), **ONE_CONNECTION}
    with nginx.running(web, authority.sign("IP:127.0.0.1")) as address:
        person.is_offered(UrlSource(f"{address}/tiny.gguf"))
        ran = person.types()

    assert (ran.code, person.has) == (0, CONTENT)
    sent = [int(line.split()[9]) for line in log(web).splitlines()]
    assert sum(sent) == SIZE
    assert "verified." in ran.end


@pytest.mark.parametrize(
    ("name", "days", "is_known", "words"),
    [
        ("IP:127.0.0.1", 2, False, "unable to get local issuer certificate"),
        ("IP:127.0.0.1", -1, True, "certificate has expired"),
        ("DNS:elsewhere.example", 2, True, "IP address mismatch"),
    ],
    ids=["of nobody known", "expired", "of another host"],
)
def test_a_certificate_that_does_not_count_is_final_for_its_mirror(
    person: Person,
    authority: Authority,
    web: Path,
    good: FileServer,
    name: str,
    days: int,
    is_known: bool,
    words: str,
) -> None:
    person.environ |= ONE_CONNECTION
    if is_known:
        person.environ["SSL_CERT_FILE"] = str(authority.certificate)
    with nginx.running(web, authority.sign(name, days)) as address:
        person.is_offered(UrlSource(f"{address}/tiny.gguf"))
        alone = person.types()
        person.is_offered(UrlSource(f"{address}/tiny.gguf"), good)
        together = person.types()

    assert alone.code == 4
    assert "certificate of 127.0.0.1 is not to be trusted" in alone.end
    assert words in alone.end
    assert "REQUESTS_CA_BUNDLE" in alone.end
    assert (together.code, person.has) == (0, CONTENT)
    assert good.bytes_sent == SIZE
    assert "is not to be trusted" in together.end
    assert log(web) == "", "no request, neither encrypted nor in the clear"
