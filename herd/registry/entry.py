"""A registry of one model, made from what is installed: for whoever gets its files elsewhere."""

from __future__ import annotations

from herd.model import (
    File,
    Installed,
    InstalledFile,
    MagnetSource,
    Model,
    PathSource,
    Source,
    TorrentSource,
    UrlSource,
    Variant,
)
from herd.registry.writing import document


def entry(installed: Installed) -> bytes | None:
    """The registry document; None where a file has no source that a registry can name."""
    is_offered = installed.registry is not None
    files = tuple([_file(each, is_offered=is_offered) for each in installed.files])
    if not all(file.sources for file in files):
        return None
    variant = Variant(installed.variant, files, installed.format, installed.quantisation)
    model = Model(
        name=installed.name,
        title=installed.title,
        variants=(variant,),
        default=variant.name,
        licence=installed.licence,
        family=installed.family,
        parameters=installed.parameters,
        role=installed.role,
        summary=installed.summary,
        context=installed.context,
        template=installed.template,
        stop=installed.stop,
        sampling=installed.sampling,
    )
    return document(f"bundle-{installed.name}"[:64], [model]).encode()


def _file(installed: InstalledFile, *, is_offered: bool) -> File:
    known = [each for each in installed.sources if _is_public(each)]
    sources = tuple([each for each in known if is_offered or not _may_have_a_key(each)])
    return File(installed.name, sources, installed.size, installed.sha256)


def _is_public(source: Source) -> bool:
    """Whether others can reach it: a path of this machine is nobody else's business."""
    if isinstance(source, TorrentSource):
        return source.location.startswith(("http://", "https://"))
    return not isinstance(source, PathSource)


def _may_have_a_key(source: Source) -> bool:
    """Whether an address has a query: what the person alone was given stays with them."""
    match source:
        case UrlSource(address) | TorrentSource(address):
            return "?" in address
        case MagnetSource():
            return any(
                "?" in each for each in (*source.trackers, *source.web_seeds, *source.torrents)
            )
    return False
