"""Magnet texts, read and written (BEP 9). Pure: nothing is asked of any network.

A magnet comes from anywhere, so only some of its keys are kept: `xt` (the info hash), `dn`,
`tr`, `xl`, and a few each of `ws` (web seeds, BEP 19), `xs` (where its .torrent is) and
`x.pe` (peers, as IP addresses). They say where to ask; what comes is held to the info hash,
and how far they may lead is decided where they are asked (`herd.transfer.swarm_reach`).
What would choose files for the person (`so`), and all else, is named and dropped.

Magnets that went through Twitter come mangled, because it takes the `2F<host>` of an
escaped tracker for a link:

    udp%3A%2F%http://2Ftracker.example%3A1337    nothing is lost, and it is mended
    udp%3A%2F%https://t.co/abc%3A6969            the host is lost; the tracker is dropped
    udp%3a%2f-tp%3a%2f%2f2Ftracker.example       mangled twice; the tracker is dropped

A shortened link is never followed to find out what it stood for.
"""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit

from herd.errors import BadUsage
from herd.model import InfoHash, MagnetSource

MOST_CHARACTERS = 32 * 1024
"""Of a magnet text; a real one has a few hundred."""
MOST_TRACKERS = 64
MOST_OTHERS = 8
"""Of each kind of address beside trackers."""
MOST_ADDRESS_CHARACTERS = 2048
MOST_NAME_CHARACTERS = 255
TRACKER_SCHEMES = ("udp", "http", "https")
WEB_SCHEMES = ("http", "https")

_SHORTENERS = {"t.co", "bit.ly", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "maglit.me", "mgnet.me"}
_ANY_CASE = re.IGNORECASE | re.ASCII
_MENDABLE = re.compile(r"%https?://2f", _ANY_CASE)
_SHORTENED = re.compile(
    r"(?P<scheme>[a-z]{3,5})%3a%2f%https?://(?P<link>[a-z0-9./-]{1,64})%3a(?P<port>[0-9]{1,5})",
    _ANY_CASE,
)
_PLAIN_ADDRESS = re.compile(r"[!#-;=?-\[\]_a-z~]+", _ANY_CASE)
"""The ASCII that an address is made of (RFC 3986): no blanks, quotes, `<>`, backslash, braces."""
_KEY = re.compile(r"(?:amp;)?(?P<name>[a-z]{1,8}(?:\.[a-z]{1,8})?)(?:\.[0-9]{1,4})?", _ANY_CASE)
"""`tr`, `tr.1` (numbered), `x.pe`, and `amp;tr` (copied from the source of a page)."""
_LIKE_MAGNET = re.compile(r"\s*magnet:", _ANY_CASE)
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_HINT = "A magnet looks like magnet:?xt=urn:btih:<40 hex digits>&dn=<name>&tr=<tracker>."


@dataclass(frozen=True)
class Magnet:
    """What a magnet text says, and what became of the rest of it."""

    source: MagnetSource
    size: int | None = None
    """`xl`, in bytes: what the sender says."""
    repaired: tuple[str, ...] = ()
    """Trackers that were mangled and are whole again."""
    lost: tuple[str, ...] = ()
    """One phrase for each tracker that was dropped."""
    ignored: tuple[str, ...] = ()
    """Keys that herd does not take from a stranger, as `so`, or that do not read."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences for the person: what was mended, dropped and ignored."""
        said = []
        if self.repaired:
            said.append(f"Mended {', '.join(self.repaired)}.")
        if self.lost:
            said.append(f"Dropped trackers: {'; '.join(self.lost)}.")
        if self.lost and not self.source.trackers:
            left = {
                "the peers that it names": self.source.peers,
                "its mirrors": self.source.web_seeds,
                "the distributed hash table": True,
            }
            ways = " and ".join(name for name, is_there in left.items() if is_there)
            said.append(f"No tracker is left: there are only {ways}.")
        if self.ignored:
            said.append(
                f"Ignored {', '.join(self.ignored)}: herd takes no such thing from a magnet."
            )
        return tuple(said)


def is_magnet(text: str) -> bool:
    """Whether the text is meant as a magnet; whether it reads is another question."""
    return _LIKE_MAGNET.match(text) is not None


def parse(text: str) -> Magnet:
    """Read a magnet text from anywhere.

    Raises:
        BadUsage: it is no magnet, or it names no torrent that herd can fetch.
    """
    if not is_magnet(text):
        raise BadUsage("That is no magnet.", _HINT)
    if len(text) > MOST_CHARACTERS:
        raise BadUsage(f"The magnet has more than {MOST_CHARACTERS} characters.", _HINT)
    pairs = _pairs(re.sub(r"[\r\n\t]", "", text.strip()).partition("?")[2])
    trackers = [_tracker(raw) for raw in _values(pairs, "tr")]
    kept = _once([each.address for each in trackers if each.address])
    web_seeds, torrents, peers = _web(pairs, "ws"), _web(pairs, "xs"), _peers(pairs)
    taken = {"xt", "dn", "tr", "xl"}
    taken |= {key for key, each in (("ws", web_seeds), ("xs", torrents), ("x.pe", peers)) if each}
    lost = [each.loss for each in trackers if each.loss]
    if len(kept) > MOST_TRACKERS:
        lost.append(f"the trackers after the first {MOST_TRACKERS}")
    source = MagnetSource(
        v1=_v1(pairs),
        v2=_v2(pairs),
        trackers=kept[:MOST_TRACKERS],
        display_name=_display_name(pairs),
        is_from_user=True,
        web_seeds=web_seeds,
        torrents=torrents,
        peers=peers,
    )
    if source.v1 is None and source.v2 is None:
        raise BadUsage("The magnet names no torrent: it has no xt=urn:btih: or urn:btmh:.", _HINT)
    return Magnet(
        source=source,
        size=_size(pairs),
        repaired=_once([each.address for each in trackers if each.is_repaired])[:MOST_TRACKERS],
        lost=_once(lost)[:MOST_TRACKERS],
        ignored=_once([name for name, _ in pairs if name not in taken])[:16],
    )


def render(source: MagnetSource, size: int | None = None) -> str:
    """A clean magnet text, every value escaped as BEP 9 asks.

    Raises:
        BadUsage: the source has no info hash.
    """
    if source.v1 is None and source.v2 is None:
        raise BadUsage("A magnet needs an info hash.")
    parts = [f"xt=urn:btih:{source.v1}"] if source.v1 else []
    parts += [f"xt=urn:btmh:1220{source.v2}"] if source.v2 else []
    parts += [f"dn={quote(source.display_name, safe='')}"] if source.display_name else []
    parts += [f"xl={size}"] if size else []
    addresses = (("tr", source.trackers), ("ws", source.web_seeds), ("xs", source.torrents))
    parts += [f"{key}={quote(each, safe='')}" for key, all_ in addresses for each in all_]
    parts += [f"x.pe={f'[{host}]' if ':' in host else host}:{port}" for host, port in source.peers]
    return "magnet:?" + "&".join(parts)


def flaw(address: str, schemes: tuple[str, ...]) -> str | None:
    """What is wrong with an address that a stranger wrote, as the end of a sentence, or None."""
    if len(address) > MOST_ADDRESS_CHARACTERS:
        return f"is longer than {MOST_ADDRESS_CHARACTERS} characters"
    if not _PLAIN_ADDRESS.fullmatch(address):
        return "has characters that no address has"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in schemes or not address.lower().startswith(f"{parts.scheme}://"):
        return f"does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not host or port == 0:
        return "names no host" if not host else "has the port 0"
    if "@" in parts.netloc:
        return "carries a user name or a password"
    if host.rstrip(".").removeprefix("www.") in _SHORTENERS:
        return f"is a shortened link ({host})"
    return "has a part after #" if "#" in address else None


def info_hash_v1(text: str) -> InfoHash | None:
    """A v1 info hash in lower-case hex, from 40 hex digits or 32 of base32; None if it is none."""
    if re.fullmatch(r"[0-9a-fA-F]{40}", text):
        return InfoHash(text.lower())
    if re.fullmatch(r"[a-zA-Z2-7]{32}", text):
        return InfoHash(base64.b32decode(text.upper()).hex())
    return None


def info_hash_v2(text: str) -> InfoHash | None:
    """A v2 info hash in lower-case hex, with or without the 1220 of a sha-256 multihash."""
    found = re.fullmatch(r"(?:1220)?([0-9a-fA-F]{64})", text)
    return InfoHash(found[1].lower()) if found else None


@dataclass(frozen=True)
class _Tracker:
    """What became of one `tr`: an address, or the phrase that says why there is none."""

    address: str = ""
    loss: str = ""
    is_repaired: bool = False


def _tracker(raw: str) -> _Tracker:
    mended = _MENDABLE.sub("%2F", raw)
    if gone := _SHORTENED.search(mended):
        scheme, link, port = gone["scheme"].lower(), gone["link"], gone["port"]
        return _Tracker(loss=f"the {scheme} tracker at port {port} (its host became {link})")
    address = unquote(mended).strip()
    if why := flaw(address, TRACKER_SCHEMES):
        return _Tracker(loss=f"one that {why}")
    return _Tracker(address=address, is_repaired=mended != raw)


def _pairs(query: str) -> list[tuple[str, str]]:
    """Lower-case keys without their numbers, and values as they stand, still escaped."""
    pairs = []
    for part in query.split("&"):
        key, _, value = part.partition("=")
        if found := _KEY.fullmatch(key):
            pairs.append((found["name"].lower(), value))
    return pairs


def _values(pairs: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in pairs if key == name]


def _v1(pairs: list[tuple[str, str]]) -> InfoHash | None:
    found = [_hash_after("urn:btih:", value) for value in _values(pairs, "xt")]
    hashes = [_known(info_hash_v1(text), text) for text in found if text is not None]
    return _the_only(hashes)


def _v2(pairs: list[tuple[str, str]]) -> InfoHash | None:
    found = [_hash_after("urn:btmh:", value) for value in _values(pairs, "xt")]
    # BEP 52: a multihash, and 12 20 says that 32 bytes of SHA-256 follow.
    hashes = [
        _known(info_hash_v2(text) if text.startswith("1220") and len(text) == 68 else None, text)
        for text in found
        if text is not None
    ]
    return _the_only(hashes)


def _web(pairs: list[tuple[str, str]], name: str) -> tuple[str, ...]:
    """The http(s) addresses under a key."""
    found = [unquote(_MENDABLE.sub("%2F", value)).strip() for value in _values(pairs, name)]
    return _once([each for each in found if flaw(each, WEB_SCHEMES) is None])[:MOST_OTHERS]


def _peers(pairs: list[tuple[str, str]]) -> tuple[tuple[str, int], ...]:
    """The peers that are given by IP address and port; a name would have to be asked for."""
    found: dict[tuple[str, int], None] = {}
    for value in _values(pairs, "x.pe"):
        host, _, port = unquote(value).strip().rpartition(":")
        with suppress(ValueError):
            address = str(ip_address(host.removeprefix("[").removesuffix("]")))
            if re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536:
                found[address, int(port)] = None
    return tuple(found)[:MOST_OTHERS]


def _hash_after(prefix: str, value: str) -> str | None:
    text = unquote(value).strip()
    return text[len(prefix) :] if text.lower().startswith(prefix) else None


def _known(found: InfoHash | None, text: str) -> InfoHash:
    if found is None:
        shown = _UNSHOWN.sub("?", text[:70])
        raise BadUsage(f"The magnet's info hash {shown!r} is cut off or is none.", _HINT)
    return found


def _the_only(hashes: list[InfoHash]) -> InfoHash | None:
    if len(set(hashes)) > 1:
        raise BadUsage("The magnet names more than one torrent.", "Give one magnet for each.")
    return hashes[0] if hashes else None


def _display_name(pairs: list[tuple[str, str]]) -> str | None:
    raw = next(iter(_values(pairs, "dn")), "")
    name = _UNSHOWN.sub("", unquote(raw.replace("+", " "))).strip()
    return name[:MOST_NAME_CHARACTERS].strip() or None


def _size(pairs: list[tuple[str, str]]) -> int | None:
    text = next(iter(_values(pairs, "xl")), "")
    return int(text) or None if re.fullmatch(r"[0-9]{1,18}", text) else None


def _once(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
