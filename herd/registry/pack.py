"""A model as a list that JSON can hold, and back again under the rules of a registry."""

from __future__ import annotations

import re
from typing import Any

from herd.magnet import TRACKER_SCHEMES, flaw, info_hash_v1, info_hash_v2
from herd.model import (
    Commercial,
    File,
    Format,
    HfSource,
    InfoHash,
    Licence,
    MagnetSource,
    Model,
    PathSource,
    PypiSource,
    Sampling,
    Sha256,
    Source,
    Status,
    SwarmState,
    TorrentSource,
    UrlSource,
    Variant,
    is_file_name,
    is_name,
    is_sha256,
)
from herd.registry.texts import REPOSITORY, REQUIREMENT, REVISION

Packed = list[Any]
"""What JSON holds; Any, because it comes from a file."""


class Unsound(ValueError):
    """What was packed breaks a rule of registries."""


def pack(model: Model) -> Packed:
    """The model, without the registry that it belongs to."""
    licence, sampling = model.licence, model.sampling
    return [
        model.name,
        model.title,
        [_pack_variant(each) for each in model.variants],
        model.default,
        [getattr(licence, name) for name in licence.__dataclass_fields__],
        list(model.aliases),
        *(model.family, model.parameters, model.role, model.summary, model.context),
        *(model.template, list(model.stop)),
        [getattr(sampling, name) for name in sampling.__dataclass_fields__],
        *(model.status, model.replaced_by, model.reason, model.is_recommended, model.epsilon),
    ]


def unpack(packed: Packed, registry: str) -> Model:
    """The model again.

    Raises:
        Unsound: a name, a digest or a source is none that a registry may have.
        ValueError, TypeError: it was never packed here.
    """
    name, title, variants, default, licence, aliases, *rest = packed
    family, parameters, role, summary, context, template, stop, sampling, *state = rest
    status, replaced_by, reason, is_recommended, epsilon = state
    return Model(
        name=_require(name, is_name),
        title=title,
        variants=tuple([_variant(each) for each in variants]),
        default=default,
        licence=_licence(*licence),
        aliases=tuple(aliases),
        family=family,
        parameters=parameters,
        role=role,
        summary=summary,
        context=context,
        template=template,
        stop=tuple(stop),
        sampling=Sampling(*sampling),
        epsilon=epsilon,
        status=Status(status),
        replaced_by=replaced_by,
        reason=reason,
        registry=registry,
        is_recommended=is_recommended,
    )


def _pack_variant(variant: Variant) -> Packed:
    files = [
        [file.name, [_pack_source(each) for each in file.sources], file.size, file.sha256]
        for file in variant.files
    ]
    return [variant.name, files, variant.format, variant.quantisation]


def _pack_source(source: Source) -> Packed:
    match source:
        case UrlSource(url):
            return ["url", url]
        case HfSource(repo, revision, path):
            return ["hf", repo, revision, path]
        case PypiSource(requirement, member):
            return ["pypi", requirement, member]
        case TorrentSource(location):
            return ["torrent", location]
        case MagnetSource():
            names = (source.v1, source.v2, list(source.trackers), source.display_name)
            return ["magnet", *names, source.state, source.note]
        case PathSource():
            raise Unsound("a registry names no path of its reader")


def _variant(packed: Packed) -> Variant:
    name, files, form, quantisation = packed
    return Variant(
        _require(name, is_name), tuple([_file(each) for each in files]), Format(form), quantisation
    )


def _file(packed: Packed) -> File:
    name, sources, size, sha256 = packed
    if sha256 is not None:
        _require(sha256, is_sha256)
    if size is not None and (type(size) is not int or size < 1):
        raise Unsound("a size is no size")
    return File(
        name=_require(name, is_file_name),
        sources=tuple([_source(*each) for each in sources]),
        size=size,
        sha256=None if sha256 is None else Sha256(sha256),
    )


def _source(kind: str, *rest: Any) -> Source:
    match kind, rest:
        case "url", (url,):
            return UrlSource(_address(url, "https", "http"))
        case "torrent", (location,):
            return TorrentSource(_address(location, "https", "http"))
        case "hf", (repo, revision, path):
            _fits(REPOSITORY, repo)
            return HfSource(repo, _fits(REVISION, revision), _inner(path))
        case "pypi", (requirement, member):
            return PypiSource(_fits(REQUIREMENT, requirement), _inner(member))
        case "magnet", (v1, v2, trackers, name, state, note):
            asked = tuple([_address(each, *TRACKER_SCHEMES) for each in trackers])
            return MagnetSource(*_hashes(v1, v2), asked, name, SwarmState(state), note)
    raise Unsound("a source is of no kind that a registry may name")


def _hashes(v1: str | None, v2: str | None) -> tuple[InfoHash | None, InfoHash | None]:
    one = None if v1 is None else info_hash_v1(v1)
    two = None if v2 is None else info_hash_v2(v2)
    if (one, two) != (v1, v2) or one is two is None:
        raise Unsound("a swarm has no info hash")
    return one, two


def _licence(
    name: str, url: str | None, commercial: str, must: bool, may: bool, note: str | None
) -> Licence:
    return Licence(name, url, Commercial(commercial), must, may, note)


def _require(text: Any, holds: Any) -> str:
    if not isinstance(text, str) or not holds(text):
        raise Unsound(f"{text!r} breaks a rule")
    return text


def _fits(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text) or ".." in text:
        raise Unsound(f"{text!r} breaks a rule")
    return text


def _inner(path: str) -> str:
    if not all(is_file_name(part) for part in path.split("/")):
        raise Unsound(f"{path!r} leads out of its place")
    return path


def _address(url: str, *schemes: str) -> str:
    if why := flaw(url, schemes):
        raise Unsound(f"{url!r} {why}")
    return url
