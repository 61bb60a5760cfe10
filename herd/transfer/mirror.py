"""One configured URL and what became known of it: where it leads, who may be let in, its validator.

Redirects are followed by hand: each hop is vetted, and credentials stay with the origin
they belong to. A link that expired is resolved again from the configured URL.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from herd.errors import SourceRefused
from herd.model import HfSource, UrlSource
from herd.transfer.http import Answer, Line
from herd.transfer.ranges import (
    Asked,
    Gone,
    Span,
    Unsatisfied,
    looks_like_a_web_page,
    read,
    web_page,
)
from herd.transfer.reach import checked, follow, origin

HUB = "https://huggingface.co"
_ENOUGH = 64
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Address:
    """A URL and the credential that its own origin may see."""

    url: str
    token: str | None = None

    @property
    def host(self) -> str:
        """The host, for people."""
        return urlsplit(self.url).hostname or self.url

    @classmethod
    def of(cls, source: UrlSource | HfSource, environ: Mapping[str, str] | None = None) -> Address:
        """The address of a source: HF_ENDPOINT and HF_TOKEN count where they belong.

        The token goes to the Hub itself, or to the endpoint that the person set beside
        it; never over plain http to a host that only a registry named.

        Raises:
            SourceRefused: it is no http(s) address.
        """
        env = os.environ if environ is None else environ
        token = env.get("HF_TOKEN", "").strip() or None
        endpoint = env.get("HF_ENDPOINT", "").strip() or HUB
        if isinstance(source, HfSource):
            return cls(checked(source.url(endpoint)), token)
        url = checked(source.url)
        return cls(url, token if _is_the_hub(url) else None)


@dataclass(frozen=True)
class Body:
    """Bytes of the file, from `span.start` on."""

    span: Span
    head: bytes
    """The first of them; empty unless the file starts here."""
    answer: Answer

    def read(self, most: int) -> bytes:
        """More bytes; empty at the end, early or not."""
        return self.answer.read(most)

    def read_into(self, view: memoryview) -> int:
        """More bytes, into `view`; 0 at the end, early or not."""
        return self.answer.read_into(view)


class Mirror:
    """Answers for ranges of one file at one address; may be asked over many lines at once."""

    def __init__(self, address: Address, redirects: int = 10) -> None:
        self.address = address
        self._redirects = redirects
        self._resolved: str | None = None

    def open(self, line: Line, asked: Asked, etag: str | None = None) -> Body | Unsatisfied:
        """The bytes asked for, or the file from its beginning where ranges are not served.

        Args:
            line: To be asked over.
            asked: The bytes wanted, and the size that was promised.
            etag: The strong validator that this same address gave for the bytes that
                are there; what changed since comes whole (If-Range).

        Raises:
            SourceFailed: it is worth asking again.
            SourceRefused: it is not.
            Interrupted: the transfer was stopped.
        """
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "Range": asked.header}
        if etag:
            headers["If-Range"] = etag
        resolved = self._resolved
        if resolved is not None:
            try:
                return self._ask(line, resolved, headers, asked)
            except Gone:
                self._resolved = None  # an expired link; the origin makes a new one
        return self._ask(line, self.address.url, headers, asked)

    def _ask(
        self, line: Line, url: str, headers: Mapping[str, str], asked: Asked
    ) -> Body | Unsatisfied:
        for _ in range(self._redirects + 1):
            answer = line.get(url, self._with_credentials(url, headers))
            if answer.status not in _REDIRECTS:
                return self._read(url, answer, asked)
            url = follow(url, answer.headers.get("Location", ""))
        raise SourceRefused(f"{self.address.host} redirects in circles")

    def _read(self, url: str, answer: Answer, asked: Asked) -> Body | Unsatisfied:
        where = urlsplit(url).hostname or url
        span = read(answer.status, answer.headers, asked, where)
        if url != self.address.url:
            self._resolved = url
        if isinstance(span, Unsatisfied):
            return span
        # Looked at before a byte of an earlier try is given up for it.
        head = _head(answer, span) if span.start == 0 else b""
        if looks_like_a_web_page(head):
            raise web_page(where)
        return Body(span, head, answer)

    def _with_credentials(self, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        if self.address.token and origin(url) == origin(self.address.url):
            return {**headers, "Authorization": f"Bearer {self.address.token}"}
        return headers


def _head(answer: Answer, span: Span) -> bytes:
    """Enough bytes to know a web page by; fewer at an early end."""
    head = b""
    while len(head) < min(_ENOUGH, span.stop):
        piece = answer.read(span.stop - len(head))
        if not piece:
            break
        head += piece
    return head


def _is_the_hub(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" and (host in ("huggingface.co", "hf.co"))
