"""A registry of one model, made from what is installed: for whoever gets its files elsewhere."""

from __future__ import annotations

from herd.model import (
    File,
    Installed,
    InstalledFile,
    Model,
    PathSource,
    Source,
    TorrentSource,
    Variant,
)
from herd.registry.writing import document


def entry(installed: Installed) -> bytes | None:
    """The registry document; None where a file has no source that a registry can name."""
    files = tuple([_file(each) for each in installed.files])
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


def _file(installed: InstalledFile) -> File:
    sources = tuple([each for each in installed.sources if _is_public(each)])
    return File(installed.name, sources, installed.size, installed.sha256)


def _is_public(source: Source) -> bool:
    """Whether others can reach it: a path of this machine is nobody else's business."""
    if isinstance(source, TorrentSource):
        return source.location.startswith(("http://", "https://"))
    return not isinstance(source, PathSource)
