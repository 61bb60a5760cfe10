"""Ollama's store: a manifest for each tag, blobs by digest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from herd import disk
from herd.foreign.found import LIMIT, Found, FoundFile, file_at
from herd.model import Sampling, Sha256

TOOL = "ollama"

_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_KIND = "application/vnd.ollama.image."
_NAMES = {"model": "{name}.gguf", "projector": "mmproj-{name}.gguf", "adapter": "{name}-lora.gguf"}
_MOST_TAGS = 10_000
_HOME = ["registry.ollama.ai", "library"]
"""Where Ollama's own models come from; its names leave out what is as here."""


def folders(home: Path, env: Mapping[str, str]) -> list[Path]:
    """Where Ollama keeps its models on this machine."""
    if chosen := env.get("OLLAMA_MODELS"):
        return [Path(chosen)]
    return [home / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models")]


def scan(folder: Path) -> Iterator[Found]:
    """Every model of an Ollama store, also those that cannot be taken over."""
    manifests = folder / "manifests"
    paths = sorted(path for path in manifests.glob("*/*/*/*") if path.is_file())
    for path in paths[:_MOST_TAGS]:
        yield _model(folder, path.relative_to(manifests).parts, path)


def _model(folder: Path, parts: tuple[str, ...], path: Path) -> Found:
    *where, name, tag = parts
    full = "/".join((*_where(where), name))
    try:
        layers = _layers(disk.small(path, LIMIT))
        files, lost = _files(folder, layers, f"{name}-{tag}")
        stop, sampling = _parameters(folder, layers)
    except (ValueError, RecursionError) as error:
        return Found(TOOL, f"{full}:{tag}", (), tag, trouble=f"its manifest does not read: {error}")
    trouble = lost or (None if files else "it has no weights")
    return Found(TOOL, f"{full}:{tag}", files, tag, stop, sampling, trouble)


def _where(parts: list[str]) -> list[str]:
    """What Ollama itself shows of host and owner."""
    if parts == _HOME:
        return []
    return parts[1:] if parts[:1] == _HOME[:1] else parts


def _layers(content: bytes | None) -> list[tuple[str, Sha256, int]]:
    """Kind, digest and size of each layer."""
    if content is None:
        raise ValueError("it is no file of a sensible size")
    document = json.loads(content)
    rows = document.get("layers") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise ValueError("it has no layers")
    return [_layer(row) for row in rows]


def _layer(row: object) -> tuple[str, Sha256, int]:
    if not isinstance(row, dict):
        raise ValueError("a layer is no object")
    digest = _DIGEST.fullmatch(str(row.get("digest")))
    size = row.get("size")
    if digest is None or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError("a layer has no digest or no size")
    return str(row.get("mediaType")).removeprefix(_KIND), Sha256(digest[1]), size


def _files(
    folder: Path, layers: list[tuple[str, Sha256, int]], name: str
) -> tuple[tuple[FoundFile, ...], str | None]:
    files: list[FoundFile] = []
    for kind, sha256, size in sorted(layers, key=lambda layer: layer[0] != "model"):
        if kind not in _NAMES:
            continue
        file = file_at(_blob(folder, sha256), _NAMES[kind].format(name=name), sha256)
        if file is None:
            return tuple(files), "its bytes are gone from Ollama's store"
        if file.size != size:
            return tuple(files), f"its blob has {file.size} bytes and not {size}"
        files.append(_with_its_own_name(file, files))
    return tuple(files), None


def _with_its_own_name(file: FoundFile, others: list[FoundFile]) -> FoundFile:
    if all(file.name != each.name for each in others):
        return file
    stem = file.name.removesuffix(".gguf")
    return FoundFile(file.path, f"{stem}-{len(others)}.gguf", file.size, file.sha256)


def _parameters(
    folder: Path, layers: list[tuple[str, Sha256, int]]
) -> tuple[tuple[str, ...], Sampling]:
    """Stop texts and sampling, as far as they are what they should be."""
    blob = next((sha256 for kind, sha256, _ in layers if kind == "params"), None)
    content = disk.small(_blob(folder, blob), LIMIT) if blob else None
    values: Any = json.loads(content) if content else {}
    if not isinstance(values, dict):
        return (), Sampling()
    stop = values.get("stop")
    texts = [each for each in stop if isinstance(each, str)] if isinstance(stop, list) else []
    return tuple(texts[:64]), Sampling(
        temperature=_real(values.get("temperature")),
        top_k=_whole(values.get("top_k")),
        top_p=_real(values.get("top_p")),
        min_p=_real(values.get("min_p")),
        repeat_penalty=_real(values.get("repeat_penalty")),
    )


def _blob(folder: Path, sha256: Sha256) -> Path:
    return folder / "blobs" / f"sha256-{sha256}"


def _real(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 1e6 else None  # type: ignore[operator, arg-type]  # a number


def _whole(value: object) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value < 1 << 31 else None  # type: ignore[operator, return-value]  # a number
