"""One small question over HTTP and its whole answer: a registry, a listing, the head of a file.

Every status is an answer; only what brings none is an error. The same rules as for models
hold: vetted addresses, redirects by hand, credentials for their own origin alone.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from herd.errors import SourceFailed, SourceRefused
from herd.transfer.http import Answer, Line
from herd.transfer.patience import Patience
from herd.transfer.ranges import length_of, looks_like_a_web_page
from herd.transfer.reach import Reach, checked, follow, origin
from herd.transfer.watch import Watch
from herd.words import size

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Question:
    """What is asked."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    """A bearer token; it goes to the origin of `url` and nowhere else."""
    most: int = 1 << 20
    """Bytes of the answer; a larger one is refused."""
    is_head_enough: bool = False
    """Whether the first `most` bytes do; the rest is not read then."""


@dataclass(frozen=True)
class Hop:
    """A redirect on the way."""

    url: str
    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What was answered."""

    url: str
    """Where the redirects led."""
    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    content: bytes
    hops: tuple[Hop, ...] = ()

    @property
    def is_web_page(self) -> bool:
        """Whether a page for people came, as from a network that wants a login first."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        is_page = kind in ("text/html", "application/xhtml+xml")
        return is_page or looks_like_a_web_page(self.content)


def ask(
    question: Question, stop: threading.Event | None = None, patience: Patience | None = None
) -> Reply:
    """Ask, following redirects.

    Args:
        question: What.
        stop: Set to end it.
        patience: What the server is granted.

    Raises:
        SourceFailed: no answer came.
        SourceRefused: none ever will, or it is too large.
        Interrupted: it was stopped.
    """
    patience = patience or Patience()
    url, hops = checked(question.url), list[Hop]()
    with Watch(stop or threading.Event(), patience) as watch, Line(Reach(url), watch) as line:
        while len(hops) <= patience.redirects:
            answer = line.get(url, _headers(question, url))
            if answer.status not in _REDIRECTS:
                content = _content(answer, question, urlsplit(url).hostname or url)
                return Reply(url, answer.status, answer.headers, content, tuple(hops))
            hops.append(Hop(url, answer.status, answer.headers))
            url = follow(url, answer.headers.get("Location", ""))
    raise SourceRefused(f"{urlsplit(question.url).hostname} redirects in circles")


def _headers(question: Question, url: str) -> Mapping[str, str]:
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", **question.headers}
    if question.token and origin(url) == origin(question.url):
        headers["Authorization"] = f"Bearer {question.token}"
    return headers


def _content(answer: Answer, question: Question, where: str) -> bytes:
    content = bytearray()
    while len(content) <= question.most and (piece := answer.read()):
        content += piece
    if len(content) > question.most:
        if not question.is_head_enough:
            raise SourceRefused(f"{where} answered with more than {size(question.most)}")
        del content[question.most :]
    elif length_of(answer.headers) not in (None, len(content)):
        raise SourceFailed(f"{where} stopped before the end")
    return bytes(content)
