"""The variants of a model and their files, with the rules that span several of them."""

from __future__ import annotations

import re

from herd.model import File, Format, MagnetSource, Sha256, Source, SwarmState, Variant
from herd.registry import shape
from herd.registry.document import Field, Section
from herd.registry.rules import digest, file_name, key_name, line, listed, one_of, size
from herd.registry.sources import source

SHARD = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.gguf", re.ASCII)

_format = one_of(Format)
_sources = listed(source)


class Digests:
    """What the document has said of each digest: the same bytes have one size."""

    def __init__(self) -> None:
        self._seen: dict[Sha256, File] = {}

    def agree(self, field: Field, file: File) -> None:
        """Refuse a file whose digest stood beside another size before."""
        if file.sha256 is None:
            return
        if file.size is None:
            return
        seen = self._seen.setdefault(file.sha256, file)
        if seen.size != file.size:
            raise field.wrong(
                f"has the digest of {seen.name}, which is said to have {seen.size} bytes, "
                f"and {file.size} bytes."
            )


def variants(field: Field, digests: Digests) -> tuple[Variant, ...]:
    """All variants of a model, in the order of the document."""
    found = [_variant(each, digests) for each in field.section().fields.values()]
    if not found:
        raise field.wrong("has no variant.")
    return tuple(found)


def _variant(field: Field, digests: Digests) -> Variant:
    section = field.section()
    section.only(shape.VARIANT.keys())
    files = section.must("files", lambda each: _files(each, digests))
    variant = Variant(
        name=key_name(field),
        files=files,
        format=section.maybe("format", _format) or Format.GGUF,
        quantisation=section.maybe("quantisation", line),
    )
    _check(variant, section.fields["files"])
    return variant


def _files(field: Field, digests: Digests) -> tuple[File, ...]:
    return listed(lambda each: _file(each, digests))(field)


def _file(field: Field, digests: Digests) -> File:
    section = field.section()
    section.only(shape.FILE.keys())
    file = File(
        name=section.must("name", file_name),
        sources=section.must("sources", _sources),
        size=section.maybe("size", size),
        sha256=section.maybe("sha256", digest),
    )
    _check_sources(file.sources, section)
    digests.agree(field, file)
    return file


def _check_sources(sources: tuple[Source, ...], section: Section) -> None:
    field = section.fields["sources"]
    if not any(may_be_asked(each) for each in sources):
        raise field.wrong("has no source that may be asked.")
    if len(set(sources)) < len(sources):
        raise field.wrong("names the same source twice.")


def may_be_asked(source: Source) -> bool:
    """Whether herd may ask this source at all: not a swarm whose info hash was withdrawn."""
    return not (isinstance(source, MagnetSource) and source.state is SwarmState.REVOKED)


def _check(variant: Variant, field: Field) -> None:
    names = [file.name for file in variant.files]
    if not names:
        raise field.wrong("has no file.")
    if len({each.casefold() for each in names}) < len(names):
        raise field.wrong("has two files of the same name.")
    if variant.format is Format.GGUF and not names[0].lower().endswith(".gguf"):
        raise field.wrong(f"begins with {names[0]}, which is no .gguf file.", "Give a format.")
    if missing := _missing_shard(names):
        raise field.wrong(f"is not complete or not in order: {missing} is missing here.")


def _missing_shard(names: list[str]) -> str | None:
    """The shard that should stand where another name, or none, does."""
    first = SHARD.fullmatch(names[0])
    shards = [each for each in names if SHARD.fullmatch(each)]
    if first is None:
        return f"the first shard of {shards[0]}" if shards else None
    stem, _, total = first.groups()
    for number in range(1, int(total) + 1):
        wanted = f"{stem}-{number:05}-of-{total}.gguf"
        if number > len(names) or names[number - 1] != wanted:
            return wanted
    return None
