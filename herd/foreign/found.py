"""What is found of another tool: models as that tool keeps them. Values, and how files group."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from herd.model import Sampling, Sha256, is_projector

MAGIC = b"GGUF"
LIMIT = 1024 * 1024
"""Bytes; no manifest of another tool is longer."""

_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_MOST_PARTS = 1000
_MOST_FILES = 100_000
_DEEPEST = 8


@dataclass(frozen=True)
class FoundFile:
    """A file of another tool. Nothing about it is ever changed."""

    path: Path
    """Where its bytes are, links followed."""
    name: str
    """What the tool calls it."""
    size: int
    """Bytes."""
    sha256: Sha256 | None = None
    """What the tool says it has; believed only after the bytes were read."""


@dataclass(frozen=True)
class Found:
    """A model as another tool has it."""

    tool: str
    name: str
    """What the tool calls it, for people."""
    files: tuple[FoundFile, ...]
    """The primary file first."""
    variant: str | None = None
    """The variant, where the tool says it."""
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    trouble: str | None = None
    """Why it cannot be taken over."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def file_at(
    path: Path, name: str | None = None, sha256: Sha256 | None = None, within: Path | None = None
) -> FoundFile | None:
    """The file of a path, None when there is no ordinary file.

    Args:
        path: The path; links are followed.
        name: What it is called; by default as the path says.
        sha256: What its tool says it has.
        within: A folder that a link must not lead out of.
    """
    try:
        real = path.resolve(strict=True)
        found = real.stat()
    except (OSError, RuntimeError):
        return None
    if not S_ISREG(found.st_mode):
        return None
    if within is not None and not real.is_relative_to(within.resolve()):
        return None
    return FoundFile(real, name or path.name, found.st_size, sha256)


def walk(folder: Path, deepest: int = _DEEPEST) -> Iterator[Path]:
    """Every .gguf below a folder, in order; linked folders are not entered."""
    count = 0
    for root, folders, files in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(folders) if depth < deepest else []
        for name in sorted(files):
            count += 1
            if count > _MOST_FILES:
                return
            if name.lower().endswith(".gguf"):
                yield Path(root, name)


def grouped(tool: str, name: str, files: Iterable[FoundFile]) -> list[Found]:
    """The models that files of one folder are: parts together, companions with each model.

    Args:
        tool: Whose they are.
        name: What to put before a file's own name; may be empty.
        files: Files of one folder or repository.
    """
    parts: dict[str, list[FoundFile]] = {}
    companions: list[FoundFile] = []
    for file in files:
        if is_projector(file.name):
            companions.append(file)
        else:
            match = _PART.fullmatch(file.name)
            parts.setdefault(match["stem"] if match else file.name, []).append(file)
    return [
        Found(tool, name + stem, (*group, *companions), trouble=_lacks(group) or _is_other(group))
        for stem, group in ((stem, _in_order(each)) for stem, each in parts.items())
    ]


def _in_order(group: list[FoundFile]) -> list[FoundFile]:
    return sorted(group, key=lambda file: file.name.lower())


def _is_other(group: list[FoundFile]) -> str | None:
    """Whether a file is something else than its name says; one look at its first bytes."""
    for file in group:
        if file.size == 0:
            return "it is empty" if len(group) == 1 else f"{file.name} is empty"
        try:
            with file.path.open("rb") as stream:
                is_gguf = stream.read(len(MAGIC)) == MAGIC
        except OSError:
            continue  # who takes it over says why it cannot be read
        if not is_gguf:
            return "it is no GGUF file" if len(group) == 1 else f"{file.name} is no GGUF file"
    return None


def _lacks(group: list[FoundFile]) -> str | None:
    """Which parts of a model are not there."""
    match = _PART.fullmatch(group[0].name)
    if match is None:
        return None
    count = int(match["count"])
    if not 0 < count <= _MOST_PARTS:
        return f"it claims {count} parts"
    matches = (_PART.fullmatch(file.name) for file in group)
    there = {int(each["number"]) for each in matches if each}
    missing = [number for number in range(1, count + 1) if number not in there]
    if not missing:
        return None
    named = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
    return f"of its {count} parts {named} {'is' if len(missing) == 1 else 'are'} missing"
