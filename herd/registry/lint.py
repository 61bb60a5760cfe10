"""What is not wrong in a registry and yet makes people trouble. Pure.

The strict reader refuses what cannot be; this remarks on what should not be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from herd.model import (
    Commercial,
    File,
    Format,
    MagnetSource,
    Model,
    Sha256,
    Status,
    SwarmState,
    UrlSource,
)
from herd.registry.layer import Layer
from herd.registry.sources import is_pinned

LEAST_MODEL = 1 << 20
"""Bytes; no model is smaller, but a page of text or a pointer to large-file storage is."""
_DAY = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]")


@dataclass(frozen=True)
class Remark:
    """Something that a maker of a registry should look at."""

    origin: str
    line: int
    """Of the model; 1 where it is about the whole document."""
    path: str
    text: str

    def __str__(self) -> str:
        """As errors of registries are written."""
        return f"{self.origin}:{self.line}: {self.path}: {self.text}"


def lint(layer: Layer) -> tuple[Remark, ...]:
    """Everything worth a remark, in the order of the document.

    Args:
        layer: Read from its document, not from the cache, so that lines are known.
    """
    remarks = [Remark(layer.origin, 1, "registry.updated", text) for text in _of_document(layer)]
    owners: dict[Sha256, str] = {}
    names = {name for each in layer.names for name in each}
    for model in layer.models:
        line = layer.lines.get(model.name, 1)
        for path, text in _of_model(model, names, owners):
            remarks.append(Remark(layer.origin, line, f"models.{model.name}{path}", text))
    return tuple(remarks)


def _of_document(layer: Layer) -> Iterator[str]:
    if layer.updated is None:
        yield "is missing: nobody can tell how old this is."
    elif not _DAY.fullmatch(layer.updated):
        yield "is no day, such as 2026-11-25."


def _of_model(
    model: Model, names: set[str], owners: dict[Sha256, str]
) -> Iterator[tuple[str, str]]:
    if model.replaced_by and model.replaced_by not in names:
        yield ".replaced-by", f"{model.replaced_by} is not in this registry."
    if model.licence.commercial is Commercial.UNKNOWN:
        yield ".licence", "nobody says what it allows; it cannot be recommended."
    if not model.summary:
        yield "", "has no summary."
    for variant in model.variants:
        for file in variant.files:
            where = f".variants.{variant.name}.{file.name}"
            for text in _of_file(model, file, variant.format):
                yield where, text
            if file.sha256 and owners.setdefault(file.sha256, model.name) != model.name:
                yield where, f"is a file of {owners[file.sha256]} as well."


def _of_file(model: Model, file: File, form: Format) -> Iterator[str]:
    if file.size is not None and file.size < LEAST_MODEL and form is Format.GGUF:
        yield f"has {file.size} bytes: no model is so small."
    if file.size is None and model.status is not Status.HISTORICAL:
        yield "has no size: nobody can tell whether there is room for it."
    if not is_pinned(file.sources[0]):
        yield "comes first from a branch, which may move; pin it to a commit."
    for source in file.sources:
        if isinstance(source, UrlSource) and source.url.startswith("http://"):
            yield f"comes over http: {source.url}"
        if isinstance(source, MagnetSource) and _is_lonely(source):
            yield "has a magnet without trackers: only the hash table finds its peers."


def _is_lonely(magnet: MagnetSource) -> bool:
    return magnet.state is SwarmState.LIVE and not magnet.trackers
