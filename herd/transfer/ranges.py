"""What an answer to a ranged request means (RFC 9110 §14, §15). Pure: headers in, verdict out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from herd.errors import SourceFailed, SourceRefused
from herd.transfer.patience import retry_after
from herd.words import size

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})", re.ASCII)
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_MOST_OF_A_BRIDGE = 50_000_000_000
"""Bytes beyond which the Hugging Face Hub gives nothing out over plain HTTP: it answers 400."""
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Asked:
    """What the request asked for, and what is known of the file."""

    start: int
    """The first byte wanted."""
    size: int | None
    """Bytes of the whole file, None when nobody promised."""
    stop: int | None = None
    """One past the last byte wanted, None for the end of the file."""

    @property
    def header(self) -> str:
        """The value of Range."""
        return f"bytes={self.start}-{'' if self.stop is None else self.stop - 1}"


@dataclass(frozen=True)
class Span:
    """Which bytes of the file an answer carries."""

    start: int
    stop: int
    """One past the last byte of this answer."""
    total: int
    """Bytes of the whole file."""
    etag: str | None = None
    """A strong validator, the only kind that can vouch for a range."""
    is_whole: bool = False
    """The range was ignored, or the validator is another one by now (200)."""


@dataclass(frozen=True)
class Unsatisfied:
    """416: there is nothing at that offset."""

    total: int | None
    """Bytes that the server says the file has."""


class NotNow(SourceFailed):
    """The server cannot answer now."""

    def __init__(self, message: str, seconds: float | None) -> None:
        super().__init__(message)
        self.seconds = seconds
        """How long it asks to be left alone."""


class Gone(SourceRefused):
    """401, 403, 404 or 410: final at the origin, but perhaps only an expired link."""


class OddRange(SourceRefused):
    """206 with other bytes than were asked for: perhaps only the hiccup of a proxy."""


def read(status: int, headers: Mapping[str, str], asked: Asked, where: str) -> Span | Unsatisfied:
    """What the answer carries.

    Args:
        status: The status code; redirects were followed before.
        headers: Looked up without regard to case.
        asked: What was asked.
        where: The host, for messages.

    Raises:
        NotNow: it is worth asking again.
        Gone: it is not there for us.
        OddRange: the server breaks the rules of ranges; nothing of its answer counts.
        SourceRefused: it is not the file.
    """
    if status == 416:
        match = _UNSATISFIED.fullmatch(headers.get("Content-Range", "").strip())
        return Unsatisfied(int(match.group(1)) if match else None)
    if status not in (200, 206):
        raise _refusal(status, headers, asked, where)
    _check_is_a_file(headers, where)
    return _whole(headers, asked, where) if status == 200 else _partial(headers, asked, where)


def looks_like_a_web_page(head: bytes) -> bool:
    """Whether the first bytes are those of an HTML page; no model begins so."""
    start = head[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))


def web_page(where: str) -> SourceRefused:
    """What to say when a page came instead of a file."""
    return SourceRefused(
        f"{where} answered with a web page instead of the file",
        "A network that asks for a login first (hotel, train, company) does that.",
    )


def _check_is_a_file(headers: Mapping[str, str], where: str) -> None:
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise SourceRefused(f"{where} sends the file {encoding[:20]}-encoded, unasked")
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml"):
        raise web_page(where)


def _whole(headers: Mapping[str, str], asked: Asked, where: str) -> Span:
    length = length_of(headers)
    total = asked.size if length is None else length
    if total is None:
        raise SourceRefused(f"{where} does not say how large the file is")
    _check_total(total, asked, where)
    return Span(0, total, total, strong_etag(headers), is_whole=True)


def _partial(headers: Mapping[str, str], asked: Asked, where: str) -> Span:
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if match is None:
        raise OddRange(f"{where} sends a range without saying which")
    first, last, total = (int(group) for group in match.groups())
    length = length_of(headers)
    _check_total(total, asked, where)
    if first != asked.start or not first <= last < total or last >= (asked.stop or total):
        raise OddRange(f"{where} sends another range than the one asked for")
    if length is not None and length != last - first + 1:
        raise OddRange(f"{where} contradicts itself about the length of a range")
    return Span(first, last + 1, total, strong_etag(headers))


def _check_total(total: int, asked: Asked, where: str) -> None:
    if asked.size is not None and total != asked.size:
        raise SourceRefused(
            f"{where} has another file: {size(total)} ({total} bytes) "
            f"instead of {size(asked.size)} ({asked.size} bytes)"
        )


def length_of(headers: Mapping[str, str]) -> int | None:
    """Bytes of the body, as its Content-Length says; None where nothing that reads does."""
    text = headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def strong_etag(headers: Mapping[str, str]) -> str | None:
    """The ETag, if it is one that may go into If-Range (RFC 9110 §8.8.3, §13.1.5)."""
    text = headers.get("ETag", "").strip()
    return text if _STRONG_ETAG.fullmatch(text) else None


def _refusal(status: int, headers: Mapping[str, str], asked: Asked, where: str) -> SourceFailed:
    if status in _WORTH_ANOTHER_TRY:
        words = "is asked too often" if status == 429 else "cannot answer now"
        return NotNow(f"{where} {words} ({status})", retry_after(headers.get("Retry-After")))
    if status in (401, 403):
        return Gone(
            f"{where} does not give the file out ({status}): it is gated or removed",
            "For a gated model accept its licence on its page and set HF_TOKEN.",
        )
    if status in (404, 410):
        return Gone(f"{where} does not have the file ({status})")
    if status == 400 and asked.size is not None and asked.size > _MOST_OF_A_BRIDGE:
        return SourceRefused(
            f"{where} refuses a file of {size(asked.size)} (400)",
            "The Hugging Face Hub gives out none above 50 GB over plain HTTP: name another "
            "mirror, or a variant that comes in several files.",
        )
    return SourceRefused(f"{where} answered with status {status}")
