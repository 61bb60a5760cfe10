"""Whether the sources of a registry still hold: each is asked for a few bytes, never for all.

A digest is never changed by what a source says. What fails goes behind the others on this
machine (`herd.ranks`), and the registry's makers are told the line.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from herd.errors import HerdError, SourceFailed, SourceRefused
from herd.model import (
    File,
    Format,
    HfSource,
    MagnetSource,
    Model,
    PypiSource,
    Source,
    SwarmState,
    TorrentSource,
    UrlSource,
    Variant,
    is_sha256,
)
from herd.registry.layer import Layer
from herd.transfer import pip
from herd.transfer.ask import Question, Reply, ask

AT_ONCE = 8
"""Sources that are asked at the same time."""
SWARM_SECONDS = 20.0
"""How long peers of a magnet are looked for."""
INDEX_SECONDS = 20.0
"""How long the package index is waited for."""
_HEAD = 16
_PERMANENT = (301, 308)
_MAGICS = {Format.GGUF: (b"GGUF",), Format.GGML: (b"lmgg", b"fmgg", b"tjgg")}


class State(StrEnum):
    """What became of asking a source."""

    OK = "ok"
    MOVED = "moved"
    GONE = "gone"
    GATED = "gated"
    WRONG_SIZE = "wrong size"
    WRONG_DIGEST = "wrong digest"
    WRONG_BYTES = "wrong bytes"
    NO_PEERS = "no peers"
    UNREACHABLE = "unreachable"
    REVOKED = "revoked"
    NOT_ASKED = "not asked"

    @property
    def is_bad(self) -> bool:
        """Whether a person would be let down by this source."""
        good = (State.OK, State.MOVED, State.REVOKED, State.NOT_ASKED)
        return self not in good


@dataclass(frozen=True)
class Asking:
    """One source of one file, and where the registry names it."""

    origin: str
    line: int
    model: Model
    variant: Variant
    file: File
    source: Source


@dataclass(frozen=True)
class Verdict:
    """What became of one source."""

    asking: Asking
    state: State
    why: str = ""
    seconds: float | None = None
    """Until it answered."""


@dataclass(frozen=True)
class Ways:
    """How sources are reached; tests give other ways."""

    dht: bool = True
    swarm_seconds: float = SWARM_SECONDS
    index_seconds: float = INDEX_SECONDS
    interface: str | None = None
    """The one own IP address that swarms are asked from."""


def askings(layer: Layer, models: Sequence[Model] | None = None) -> tuple[Asking, ...]:
    """Every source of a registry, in the order of the document."""
    return tuple(
        [
            Asking(layer.origin, layer.lines.get(model.name, 1), model, variant, file, source)
            for model in (layer.models if models is None else models)
            for variant in model.variants
            for file in variant.files
            for source in file.sources
        ]
    )


def ask_all(
    wanted: Sequence[Asking], ways: Ways | None = None, stop: threading.Event | None = None
) -> Iterator[Verdict]:
    """A verdict on each source, in order, as they come; the same source is asked once.

    Raises:
        Interrupted: it was stopped.
    """
    ways, stop = ways or Ways(), stop or threading.Event()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="herd-check") as pool:
        try:
            yield from pool.map(lambda each: verdict(each, ways, stop), wanted)
        except BaseException:
            stop.set()
            raise


def verdict(asking: Asking, ways: Ways, stop: threading.Event) -> Verdict:
    """Ask one source.

    Raises:
        Interrupted: it was stopped.
    """
    begun = time.monotonic()
    try:
        state, why = _asked(asking, ways, stop)
    except SourceFailed as error:
        return Verdict(asking, State.UNREACHABLE, error.message.rstrip("."))
    except HerdError as error:
        if error.exit_code == 130:
            raise
        return Verdict(asking, State.UNREACHABLE, error.message.rstrip("."))
    return Verdict(asking, state, why, time.monotonic() - begun)


def _asked(asking: Asking, ways: Ways, stop: threading.Event) -> tuple[State, str]:
    match asking.source:
        case UrlSource(url):
            return _of_reply(asking, _head(url, None, stop))
        case HfSource() as source:
            env = os.environ
            endpoint = env.get("HF_ENDPOINT", "").strip() or "https://huggingface.co"
            return _of_reply(asking, _head(source.url(endpoint), env.get("HF_TOKEN"), stop))
        case TorrentSource(location):
            return _of_torrent(_head(location, None, stop))
        case MagnetSource() as magnet:
            return _of_swarm(asking, magnet, ways, stop)
        case PypiSource(requirement, _):
            return _of_index(requirement, ways.index_seconds)
        case _:
            return State.NOT_ASKED, ""


def _of_index(requirement: str, seconds: float) -> tuple[State, str]:
    """Whether the index that pip asks has the wheel; what is in it only fetching it all tells."""
    package, _, version = requirement.partition("==")
    try:
        found = pip.versions(package, seconds)
    except SourceRefused:
        return State.GONE, f"the package index has no {package}"
    if version not in found:
        return State.GONE, f"the package index has no wheel of {requirement}"
    return State.OK, ""


def _head(url: str, token: str | None, stop: threading.Event) -> Reply:
    headers = {"Range": f"bytes=0-{_HEAD - 1}"}
    token = (token or "").strip() or None
    return ask(Question(url, headers, token, most=_HEAD, is_head_enough=True), stop)


def _of_reply(asking: Asking, reply: Reply) -> tuple[State, str]:
    if trouble := _of_status(reply):
        return trouble
    file = asking.file
    said, digest = _size(reply), _linked(reply, "X-Linked-ETag").strip('"').removeprefix("W/")
    if file.size is not None and said is not None and said != file.size:
        return State.WRONG_SIZE, f"{said:,} bytes instead of {file.size:,}"
    if file.sha256 and is_sha256(digest) and digest != file.sha256:
        return State.WRONG_DIGEST, f"{digest[:12]}… instead of {file.sha256[:12]}…"
    magics = _MAGICS.get(asking.variant.format)
    if magics and not reply.content.startswith(magics):
        return State.WRONG_BYTES, f"what comes is no {asking.variant.format} file"
    return _moved(reply)


def _of_status(reply: Reply) -> tuple[State, str] | None:
    if reply.status in (401, 403, 451):
        return State.GATED, f"it is gated or removed ({reply.status})"
    if reply.status in (404, 410):
        return State.GONE, f"it is not there ({reply.status})"
    if reply.status not in (200, 206):
        return State.UNREACHABLE, f"it answers {reply.status}"
    return (State.WRONG_BYTES, "a web page comes instead") if reply.is_web_page else None


def _moved(reply: Reply) -> tuple[State, str]:
    """Whether an address is a past one; temporary redirects to storage are how hubs work."""
    for hop in reply.hops:
        if hop.status in _PERMANENT:
            target = urlsplit(reply.url)
            return State.MOVED, f"to {target.scheme}://{target.netloc}{target.path}"
    return State.OK, ""


def _size(reply: Reply) -> int | None:
    """Bytes of the whole file, as whoever answered said."""
    total = reply.headers.get("Content-Range", "").rpartition("/")[2]
    length = reply.headers.get("Content-Length", "") if reply.status == 200 else ""
    for text in (_linked(reply, "X-Linked-Size"), total, length):
        if text.isascii() and text.isdigit() and len(text) <= 18:
            return int(text)
    return None


def _linked(reply: Reply, name: str) -> str:
    """A header of the Hub, which stands in the redirect to its storage."""
    every: list[Mapping[str, str]] = [hop.headers for hop in reply.hops]
    return next((each[name] for each in [*every, reply.headers] if name in each), "")


def _of_torrent(reply: Reply) -> tuple[State, str]:
    if trouble := _of_status(reply):
        return trouble
    if not reply.content.startswith(b"d"):
        return State.WRONG_BYTES, "what comes is no .torrent"
    return _moved(reply)


def _of_swarm(
    asking: Asking, magnet: MagnetSource, ways: Ways, stop: threading.Event
) -> tuple[State, str]:
    if magnet.state is SwarmState.REVOKED:
        return State.REVOKED, magnet.note or "it was withdrawn"
    from herd.transfer.swarm_peek import peek

    seen = peek(
        magnet, seconds=ways.swarm_seconds, stop=stop, dht=ways.dht, interface=ways.interface
    )
    if seen.sizes and asking.file.size and asking.file.size not in seen.sizes:
        return State.WRONG_SIZE, f"none of its files has {asking.file.size} bytes"
    if seen.peers:
        return State.OK, f"{seen.peers} peers"
    return State.NO_PEERS, seen.said or f"nobody answered in {ways.swarm_seconds:g} s"
