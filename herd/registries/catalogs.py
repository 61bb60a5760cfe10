"""Catalogs of other programs as models of a registry: LocalAI's gallery, GPT4All's list.

Only what can be proved is taken: a GGUF file with a sha256 at an address of its own. The
rest is counted, by the reason. What such a catalog does not say is left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from herd import magnet
from herd.errors import RegistryError
from herd.licences import licence
from herd.model import (
    File,
    Model,
    Sha256,
    UrlSource,
    Variant,
    is_file_name,
    is_name,
    is_projector,
    is_sha256,
)
from herd.naming import line, named, slug
from herd.registry import document, schema, writing

_HUB = re.compile(r"(?:huggingface|hf)://([\w.-]+/[\w.-]+)/([^@]+?)(?:@([\w.-]+))?", re.ASCII)
_ROLES = {"embedding": "embedding", "embeddings": "embedding", "code": "code", "coding": "code"}


@dataclass(frozen=True)
class Taken:
    """What came of a catalog."""

    kind: str
    """Whose catalog it is."""
    models: tuple[Model, ...]
    left: Mapping[str, int] = field(default_factory=dict)
    """How many entries were left out, by the reason."""


class _Left(Exception):
    """An entry that is left out; its text is the reason."""


def take(content: bytes, origin: str) -> Taken:
    """The models of a catalog, whichever it is.

    Raises:
        RegistryError: it is none that herd knows.
    """
    if content.lstrip()[:1] == b"[":
        return gpt4all(content, origin)
    return localai(content, origin)


def localai(content: bytes, origin: str) -> Taken:
    """The models of a LocalAI gallery (`index.yaml`).

    Raises:
        RegistryError: it does not read as one.
    """
    rows = document.foreign(content, origin)
    if not isinstance(rows, list):
        raise _unknown(origin)
    return _taken("LocalAI gallery", rows, _of_localai)


def gpt4all(content: bytes, origin: str) -> Taken:
    """The models of GPT4All's list (`models3.json`).

    Raises:
        RegistryError: it does not read as one.
    """
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _unknown(origin) from error
    if not isinstance(rows, list):
        raise _unknown(origin)
    return _taken("GPT4All list", rows, _of_gpt4all)


def _unknown(origin: str) -> RegistryError:
    return RegistryError(
        f"{origin}:1: is no catalog that herd knows.",
        "It takes LocalAI's gallery/index.yaml and GPT4All's models3.json.",
    )


def _taken(kind: str, rows: list[Any], read: Callable[[Mapping[str, Any]], Model]) -> Taken:
    models: dict[str, Model] = {}
    left: Counter[str] = Counter()
    for row in rows:
        try:
            model = read(row) if isinstance(row, dict) else _leave("no entry at all")
            if model.name in models:
                raise _Left("the name of another entry")
            _require_sound(model)
            models[model.name] = model
        except _Left as reason:
            left[str(reason)] += 1
    return Taken(kind, tuple(models.values()), dict(left.most_common()))


def _require_sound(model: Model) -> None:
    """Leave out what the strict reader would not read."""
    try:
        schema.read(writing.document("x", [model]).encode(), "x")
    except RegistryError as error:
        raise _Left("what no registry may have") from error


def _of_localai(row: Mapping[str, Any]) -> Model:
    listed = row.get("files")
    files = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    if not files:
        raise _Left("no files")
    is_model = [_text(each, "filename").lower().endswith(".gguf") for each in files]
    if not any(is_model):
        raise _Left("no GGUF file")
    made = [_file_of_localai(each) for each, good in zip(files, is_model, strict=True) if good]
    # LocalAI names the projector for pictures in `overrides`; its name says the same.
    made.sort(key=lambda file: (is_projector(file.name), named(file.name).shard))
    tags = row.get("tags") if isinstance(row.get("tags"), list) else []
    role = next((_ROLES[tag] for tag in tags or [] if tag in _ROLES), "chat")
    return _model(_text(row, "name"), made, _text(row, "license"), _text(row, "description"), role)


def _file_of_localai(row: Mapping[str, Any]) -> File:
    address = _text(row, "uri")
    if found := _HUB.fullmatch(address):
        repo, path, branch = found.groups()
        address = f"https://huggingface.co/{repo}/resolve/{branch or 'main'}/{quote(path)}"
    return _file(PurePosixPath(_text(row, "filename")).name, address, _text(row, "sha256"), None)


def _of_gpt4all(row: Mapping[str, Any]) -> Model:
    name, address = _text(row, "filename"), _text(row, "url")
    if not name.lower().endswith(".gguf"):
        raise _Left("no GGUF file")
    size = _text(row, "filesize")
    digest = _text(row, "sha256sum") or _text(row, "sha256")
    address = address or f"https://gpt4all.io/models/gguf/{quote(name)}"
    file = _file(name, address, digest, int(size) if size.isdecimal() and len(size) < 16 else None)
    summary = re.sub(r"<[^>]{0,200}>", " ", _text(row, "description"))
    role = "embedding" if row.get("embeddingModel") else "chat"
    return _model(_text(row, "name"), [file], "", summary, role)


def _file(name: str, address: str, digest: str, size: int | None) -> File:
    if not digest:
        raise _Left("no sha256")
    digest = digest.lower()
    if not is_sha256(digest) or len(set(digest)) == 1:
        raise _Left("a sha256 that is none")
    if magnet.flaw(address, ("https", "http")):
        raise _Left("no address that herd asks")
    if not is_file_name(name):
        name = PurePosixPath(unquote(urlsplit(address).path)).name
    if not is_file_name(name):
        raise _Left("a file name that is not safe")
    return File(name, (UrlSource(address),), size or None, Sha256(digest))


def _model(title: str, files: list[File], terms: str, summary: str, role: str) -> Model:
    it = named(files[0].name)
    title = line(title, 200) or it.stem
    name = slug(title.replace(":", "-"))
    if not is_name(name):
        raise _Left("a name that is none")
    if len({file.name.casefold() for file in files}) < len(files):
        raise _Left("two files of one name")
    if len(files) > 1 and it.shards > 1 and it.shards != len(files):
        raise _Left("incomplete shards")
    variant = Variant(it.variant, tuple(files), quantisation=it.quantisation)
    words = line(summary, 300)
    return Model(name, title, (variant,), variant.name, licence(terms), role=role, summary=words)


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value.strip() if isinstance(value, str) else ""


def _leave(reason: str) -> Model:
    raise _Left(reason)
