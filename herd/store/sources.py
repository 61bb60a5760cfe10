"""Where a file came from, as a manifest keeps it: what repair may ask again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any

from herd.model import (
    HfSource,
    InfoHash,
    MagnetSource,
    PathSource,
    PypiSource,
    Source,
    SwarmState,
    TorrentSource,
    UrlSource,
)

_MOST = 64
_LONGEST = 4096
_KINDS: dict[str, type] = {
    "url": UrlSource,
    "hf": HfSource,
    "pypi": PypiSource,
    "magnet": MagnetSource,
    "torrent": TorrentSource,
    "path": PathSource,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def write(sources: tuple[Source, ...]) -> list[dict[str, object]]:
    """The sources as JSON has them: one object each, with its kind; odd ones stay out."""
    rows = [{"kind": _NAMES[type(source)], **asdict(source)} for source in sources[:_MOST]]
    return [row for row in rows if _is_sound(row)]


def read(rows: object) -> tuple[Source, ...]:
    """The sources that were written.

    Raises:
        ValueError: they are not what `write` writes.
    """
    if not isinstance(rows, list) or len(rows) > _MOST:
        raise ValueError("the sources of a file")
    return tuple(_source(row) for row in rows)


def _is_sound(row: dict[str, object]) -> bool:
    try:
        _source(json.loads(json.dumps(row)))
    except ValueError:
        return False
    return True


def _source(row: object) -> Source:
    if not isinstance(row, dict):
        raise ValueError("a source that is no object")
    make = _MAKERS.get(str(row.get("kind")))
    if make is None:
        raise ValueError("a source of no kind that this herd knows")
    return make(row)


def _text(row: Mapping[str, Any], key: str) -> str:
    text = row.get(key)
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST:
        raise ValueError(f"the {key} of a source")
    text.encode()  # a lone surrogate is a ValueError
    return text


def _maybe(row: Mapping[str, Any], key: str) -> str | None:
    return None if row.get(key) is None else _text(row, key)


def _magnet(row: Mapping[str, Any]) -> MagnetSource:
    v1, v2 = _maybe(row, "v1"), _maybe(row, "v2")
    return MagnetSource(
        v1=InfoHash(v1) if v1 else None,
        v2=InfoHash(v2) if v2 else None,
        trackers=_texts(row.get("trackers")),
        display_name=_maybe(row, "display_name"),
        state=SwarmState(_text(row, "state")),
        note=_maybe(row, "note"),
        is_from_user=row.get("is_from_user") is True,
        web_seeds=_texts(row.get("web_seeds", [])),
        torrents=_texts(row.get("torrents", [])),
        peers=_peers(row.get("peers", [])),
    )


def _texts(found: object) -> tuple[str, ...]:
    """The addresses of one kind that a magnet has."""
    if not isinstance(found, list) or len(found) > _MOST:
        raise ValueError("the addresses of a magnet")
    return tuple(_text({"address": each}, "address") for each in found)


def _peers(found: object) -> tuple[tuple[str, int], ...]:
    match found:
        case list() if len(found) <= _MOST:
            return tuple(_peer(each) for each in found)
    raise ValueError("the peers of a magnet")


def _peer(found: object) -> tuple[str, int]:
    match found:
        case [str(host), int(port)] if 0 < port < 65536:
            return str(ip_address(host)), port
    raise ValueError("a peer of a magnet")


_MAKERS: dict[str, Callable[[Mapping[str, Any]], Source]] = {
    "url": lambda row: UrlSource(_text(row, "url")),
    "hf": lambda row: HfSource(_text(row, "repo"), _text(row, "revision"), _text(row, "path")),
    "pypi": lambda row: PypiSource(_text(row, "requirement"), _text(row, "member")),
    "torrent": lambda row: TorrentSource(_text(row, "location")),
    "path": lambda row: PathSource(_text(row, "path")),
    "magnet": _magnet,
}
