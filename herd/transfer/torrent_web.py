"""Brings a .torrent from an http(s) address: a small file, whole or not at all."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from herd.errors import SourceFailed, SourceRefused
from herd.transfer.http import Answer, Line
from herd.transfer.patience import Patience
from herd.transfer.reach import Reach, follow
from herd.words import size

_HEADERS = {"Accept": "application/x-bittorrent, */*", "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


def get_small(url: str, limit: int, stop: threading.Event) -> bytes:
    """The whole answer of at most `limit` bytes.

    Raises:
        SourceFailed: no answer came; it is worth asking again.
        SourceRefused: the answer is none, or is too large.
        Interrupted: `stop` was set.
    """
    patience = Patience()
    asked = urlsplit(url).hostname or url
    with Line(Reach(url), stop, patience) as line:
        for _ in range(patience.redirects + 1):
            answer = line.get(url, _HEADERS)
            if answer.status not in _REDIRECTS:
                return _body(answer, limit, urlsplit(url).hostname or url)
            url = follow(url, answer.headers.get("Location", ""))
    raise SourceRefused(f"{asked} redirects in circles")


def _body(answer: Answer, limit: int, where: str) -> bytes:
    if answer.status in _WORTH_ANOTHER_TRY:
        raise SourceFailed(f"{where} cannot answer now ({answer.status})")
    if answer.status != 200:
        raise SourceRefused(f"{where} has no such .torrent ({answer.status})")
    body = bytearray()
    while piece := answer.read():
        body += piece
        if len(body) > limit:
            raise SourceRefused(f"the .torrent at {where} is larger than {size(limit)}")
    promised = answer.headers.get("Content-Length", "")
    if promised.isdecimal() and len(body) != int(promised):
        raise SourceFailed(f"{where} broke the .torrent off")
    return bytes(body)
