"""A model in several files, of which one was named: where the others are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from herd.errors import BadUsage, UnknownModel
from herd.model import HfSource, PathSource, Source, UrlSource
from herd.naming import named

_MOST_PARTS = 1000


def shards(source: Source, name: str) -> list[tuple[Source, str]]:
    """All parts of a model of which one was named, with the names of their files.

    `M-00001-of-00003.gguf` is no model without the other two: they lie beside it, under the
    same name but for the number.

    Raises:
        UnknownModel: a part is not there.
        BadUsage: it claims too many.
    """
    found = named(name)
    if found.shards < 2 or not name.lower().endswith(".gguf"):
        return [(source, name)]
    if not 1 <= found.shard <= found.shards <= _MOST_PARTS:
        raise BadUsage(f"{name} is part {found.shard} of {found.shards}, which herd does not take.")
    mark = f"-{found.shard:05}-of-"
    parts: list[tuple[Source, str]] = []
    for number in range(1, found.shards + 1):
        other = f"-{number:05}-of-"
        parts.append((_numbered(source, mark, other), name.replace(mark, other)))
    paths = [Path(each.path) for each, _ in parts if isinstance(each, PathSource)]
    if lost := [path.name for path in paths if not path.is_file()]:
        raise UnknownModel(
            f"{name} is one of {found.shards} parts, and {lost[0]} is not beside it.",
            "Put all parts of the model into one folder.",
        )
    return parts


def _numbered(source: Source, mark: str, other: str) -> Source:
    match source:
        case PathSource():
            path = Path(source.path)
            return PathSource(str(path.with_name(path.name.replace(mark, other))))
        case UrlSource():
            return UrlSource(source.url.replace(mark, other))
        case HfSource():
            return replace(source, path=source.path.replace(mark, other))
        case _:
            return source
