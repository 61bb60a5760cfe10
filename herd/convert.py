"""ggml files that are here, made into the one GGUF that the engine loads.

The step between fetch and record. What the files do not say comes from the choice; which
bytes went in is proved again on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from herd import disk, legacy
from herd.errors import DigestMismatch, Interrupted
from herd.legacy import Facts, Legacy
from herd.model import (
    Choice,
    Format,
    Installed,
    InstalledFile,
    Model,
    Original,
    Sha256,
    Variant,
    is_file_name,
)
from herd.pieces import Table
from herd.progress import Gauge, Stage

if TYPE_CHECKING:
    import threading


@dataclass(frozen=True)
class Old:
    """A ggml file that is here."""

    path: Path
    name: str
    size: int
    """Bytes."""
    sha256: Sha256 | None
    """What it had when it came, or what was promised; None if nobody knows yet."""


@dataclass(frozen=True)
class Made:
    """A GGUF, and what it was made of."""

    file: InstalledFile
    table: Table
    """The pieces of the GGUF."""
    original: Original
    legacy: Legacy


def taught(choice: Choice, name: str) -> Choice:
    """The choice with the prompt that the name of its file gives away, where nobody said it."""
    prompt = legacy.guessed(name)
    if prompt is None or choice.model.template is not None:
        return choice
    stop = choice.model.stop or prompt.stop
    return replace(choice, model=replace(choice.model, template=prompt.template, stop=stop))


def digest_of(path: Path, gauge: Gauge, stop: threading.Event) -> Sha256:
    """The digest of a file of the person's own.

    Raises:
        LegacyError: it cannot be read.
        Interrupted: `stop` was set.
    """

    def took(count: int) -> None:
        if stop.is_set():
            raise Interrupted(f"Reading {path.name} was stopped.")
        gauge.advance(count)

    try:
        gauge.begin(Stage.VERIFYING, path.stat().st_size, note=path.name)
        return Sha256(disk.digest(path, took))
    except OSError as error:
        raise legacy.unreadable(path.name, error) from error


def check(choice: Choice, olds: Sequence[Old]) -> Legacy:
    """Look at the files, and write nothing.

    Raises:
        LegacyError: they are of another model, damaged, or not all there.
    """
    return legacy.inspect([old.path for old in olds], facts(choice, olds[0].name))


def convert(
    choice: Choice, olds: Sequence[Old], target: Path, gauge: Gauge, stop: threading.Event
) -> Made:
    """Write the GGUF to `target`; the same files and the same choice give the same bytes.

    Raises:
        LegacyError, NoRoom, CannotWrite, Interrupted: no target is left.
        DigestMismatch: the files are not those that were promised; the target is no good.
    """
    paths = [old.path for old in olds]
    done = legacy.convert(paths, target, facts(choice, olds[0].name), gauge, stop)
    for old, found in zip(olds, done.sources, strict=True):
        _prove(old, found)
    return Made(
        InstalledFile(gguf_name(olds), done.size, done.sha256),
        done.table,
        Original(
            tuple(
                InstalledFile(old.name, old.size, found)
                for old, found in zip(olds, done.sources, strict=True)
            ),
            done.legacy.header.container,
            done.version,
            choice.model.epsilon,
        ),
        done.legacy,
    )


def again(
    model: Installed, olds: Sequence[Old], target: Path, gauge: Gauge, stop: threading.Event
) -> Made:
    """Write the GGUF of an installed model once more, from what it was made of. As `convert`.

    Another version of the converter may write other bytes: whoever asks compares.
    """
    variant = Variant(model.variant, (), Format.GGML)
    same = Model(
        model.name,
        model.title,
        (variant,),
        variant.name,
        model.licence,
        context=model.context,
        template=model.template,
        epsilon=model.original.epsilon if model.original else None,
    )
    return convert(Choice(same, variant), olds, target, gauge, stop)


def facts(choice: Choice, called: str) -> Facts:
    """What the registry or the person knows and the files do not say.

    Nothing in it changes with the day: what a registry says for people, as a summary, would
    give another GGUF whenever somebody mends a word.
    """
    model = choice.model
    known = Facts(model.title, epsilon=model.epsilon, template=model.template, called=called)
    return replace(known, context=model.context) if model.context else known


def gguf_name(olds: Sequence[Old]) -> str:
    """The name of the GGUF: the first file's, with another end."""
    name = PurePath(olds[0].name)
    stem = name.stem if name.suffix.lower() in (".bin", ".ggml", ".gguf") else name.name
    made = f"{stem}.gguf"
    if made.casefold() in {old.name.casefold() for old in olds}:
        made = f"{stem}-converted.gguf"
    return made if is_file_name(made) else "model.gguf"


def _prove(old: Old, found: Sha256) -> None:
    if old.sha256 not in (None, found):
        raise DigestMismatch(
            f"{old.name} has sha256 {found} and not the promised {old.sha256}.",
            "Nothing was installed; check the file, or the digest.",
        )
