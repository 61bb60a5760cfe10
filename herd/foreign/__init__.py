"""Models that other tools keep on this machine: found, never changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from herd.foreign import folders, ollama
from herd.foreign.found import Found, FoundFile

__all__ = ["TOOLS", "Found", "FoundFile", "look", "scan"]


@dataclass(frozen=True)
class _Tool:
    folders: Callable[[Path, Mapping[str, str]], list[Path]]
    scan: Callable[[Path], Iterator[Found]]


_TOOLS = {
    ollama.TOOL: _Tool(ollama.folders, ollama.scan),
    "lmstudio": _Tool(folders.lmstudio_folders, folders.lmstudio),
    "huggingface": _Tool(folders.huggingface_folders, folders.huggingface),
    "llama.cpp": _Tool(folders.llamacpp_folders, folders.llamacpp),
    "gpt4all": _Tool(folders.gpt4all_folders, folders.gpt4all),
}
TOOLS = tuple(_TOOLS)
"""The tools whose stores herd knows."""


def scan(
    tools: Sequence[str] = TOOLS,
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> list[Found]:
    """The models of these tools, where each of them keeps them on this machine.

    A folder that cannot be read has no models.
    """
    env = os.environ if environ is None else environ
    where = home or Path.home()
    found: list[Found] = []
    for name in tools:
        for place in dict.fromkeys(_TOOLS[name].folders(where, env)):
            with suppress(OSError):  # what belongs to somebody else is nobody's to take over
                found += _TOOLS[name].scan(place) if place.is_dir() else ()
    return found


def look(path: Path) -> list[Found]:
    """The models of a path: a file, another tool's store, or a folder of .gguf files."""
    if (path / "manifests").is_dir() and (path / "blobs").is_dir():
        return list(ollama.scan(path))
    if path.is_dir() and any(path.glob("models--*")):
        return list(folders.huggingface(path))
    return list(folders.folder(path))
