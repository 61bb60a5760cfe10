"""The text of a manifest: written from an Installed, and read with distrust.

A manifest may be torn, of another program or made to do harm. It reads as exactly
what it says or not at all; what comes out has names that are safe as paths.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from herd.model import (
    Commercial,
    Format,
    Installed,
    InstalledFile,
    Licence,
    Original,
    Sampling,
    Sha256,
    is_file_name,
    is_name,
    is_sha256,
)
from herd.store import sources

SCHEMA = 1
LIMIT = 1024 * 1024
"""Bytes; no manifest is longer."""

_MOST_BYTES = 2**63 - 1
_MOST_FILES = 10_000
_NOTHING_SET = Sampling()
_LARGEST = 1 << 24
"""How large a number of the sampling may be, either way; the seed alone is larger."""
_T = TypeVar("_T")


class Unreadable(ValueError):
    """The content is not that of a manifest that this herd knows."""


def write(installed: Installed) -> bytes:
    """The content of its manifest.

    Raises:
        Unreadable: it could not be read back: a name or a number is out of bounds.
    """
    fields = _fields(installed)
    try:
        content = json.dumps(fields, indent=1, allow_nan=False).encode("ascii") + b"\n"
    except ValueError as error:
        raise Unreadable(str(error)) from error
    if read(content) != installed:
        raise Unreadable("a value changes when it is written and read")
    return content


def _fields(installed: Installed) -> dict[str, object]:
    fields = {"schema": SCHEMA, **asdict(installed)}
    fields["files"] = [_row(file) for file in installed.files]
    if installed.original:
        fields["original"]["files"] = [_row(file) for file in installed.original.files]
    return fields


def _row(file: InstalledFile) -> dict[str, object]:
    row: dict[str, object] = {"name": file.name, "size": file.size, "sha256": file.sha256}
    if file.sources:
        row["sources"] = sources.write(file.sources)
    if file.adopted:
        row["adopted"] = file.adopted
    return row


def read(content: bytes) -> Installed:
    """What a manifest says.

    Raises:
        Unreadable: it is torn, too long, or says what no manifest may say.
    """
    if len(content) > LIMIT:
        raise Unreadable(f"longer than {LIMIT} bytes")
    try:
        fields = _Fields(json.loads(content))
        if (schema := fields.whole("schema")) != SCHEMA:
            raise Unreadable(f"of schema {schema}, and this herd knows {SCHEMA}")
        return _installed(fields)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _installed(fields: _Fields) -> Installed:
    return Installed(
        name=_checked(fields.text("name"), is_name(fields.text("name"))),
        variant=_checked(fields.text("variant"), is_name(fields.text("variant"))),
        title=fields.text("title"),
        format=Format(fields.text("format")),
        files=_files(fields.rows("files")),
        installed_at=_moment(fields.text("installed_at")),
        source=fields.text("source"),
        is_verified=fields.one("is_verified", bool),
        licence=_licence(fields.group("licence")),
        family=fields.maybe_text("family"),
        parameters=fields.maybe_text("parameters"),
        quantisation=fields.maybe_text("quantisation"),
        role=fields.text("role"),
        summary=fields.text("summary"),
        context=fields.maybe_whole("context"),
        template=fields.maybe_text("template"),
        stop=tuple(_texts(fields.rows("stop"))),
        sampling=_sampling(fields.group("sampling")),
        registry=fields.maybe_text("registry"),
        original=_original(fields.maybe_group("original")),
    )


def _files(rows: list[object]) -> tuple[InstalledFile, ...]:
    if not 0 < len(rows) <= _MOST_FILES:
        raise Unreadable(f"{len(rows)} files")
    files = tuple(_file(_Fields(row)) for row in rows)
    if len({file.name.casefold() for file in files}) < len(files):
        raise Unreadable("two files of one name")
    return files


def _file(fields: _Fields) -> InstalledFile:
    name, size, digest = fields.text("name"), fields.whole("size"), fields.text("sha256")
    if not 0 <= size <= _MOST_BYTES:
        raise Unreadable(f"a size of {size}")
    name.encode()  # a lone surrogate is no name on any disk: UnicodeEncodeError is a ValueError
    return InstalledFile(
        _checked(name, is_file_name(name)),
        size,
        Sha256(_checked(digest, is_sha256(digest))),
        sources.read(fields.maybe_rows("sources")),
        fields.maybe_text("adopted"),
    )


def _original(fields: _Fields | None) -> Original | None:
    if fields is None:
        return None
    return Original(
        files=_files(fields.rows("files")),
        container=fields.text("container"),
        converter=fields.whole("converter"),
        epsilon=fields.maybe_real("epsilon"),
    )


def _licence(fields: _Fields) -> Licence:
    return Licence(
        id=fields.text("id"),
        url=fields.maybe_text("url"),
        commercial=Commercial(fields.text("commercial")),
        must_be_accepted=fields.one("must_be_accepted", bool),
        is_redistributable=fields.one("is_redistributable", bool),
        note=fields.maybe_text("note"),
    )


def _sampling(fields: _Fields) -> Sampling:
    if fields.is_blank:
        return _NOTHING_SET
    sampling = Sampling(
        temperature=fields.maybe_real("temperature"),
        top_k=fields.maybe_whole("top_k"),
        top_p=fields.maybe_real("top_p"),
        min_p=fields.maybe_real("min_p"),
        repeat_penalty=fields.maybe_real("repeat_penalty"),
        repeat_last_n=fields.maybe_whole("repeat_last_n"),
        seed=fields.maybe_whole("seed"),
        max_tokens=fields.maybe_whole("max_tokens"),
    )
    for name, value in vars(sampling).items():
        if value is not None and abs(value) > (_MOST_BYTES if name == "seed" else _LARGEST):
            raise Unreadable(f"{name} is out of bounds")
    return sampling


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _texts(rows: list[object]) -> list[str]:
    texts = [row for row in rows if isinstance(row, str)]
    if len(texts) < len(rows):
        raise Unreadable("a stop that is no text")
    return texts


def _checked(text: str, is_sound: bool) -> str:
    if not is_sound:
        raise Unreadable(f"the name or digest {text[:80]!r}")
    return text


class _Fields:
    """An object of the JSON, asked for values of a known type."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise Unreadable("not an object")
        self._values: Mapping[str, object] = value

    @property
    def is_blank(self) -> bool:
        """Whether it says nothing at all, as most samplings do."""
        return not any(value is not None for value in self._values.values())

    def one(self, key: str, kind: type[_T]) -> _T:
        value = self._values.get(key)
        # JSON has no subclasses, and a bool is no number.
        if type(value) is not kind:
            raise Unreadable(f"{key} is no {kind.__name__}")
        return value

    def text(self, key: str) -> str:
        return self.one(key, str)

    def whole(self, key: str) -> int:
        return self.one(key, int)

    def rows(self, key: str) -> list[object]:
        return self.one(key, list)

    def group(self, key: str) -> _Fields:
        return _Fields(self._values.get(key))

    def maybe_group(self, key: str) -> _Fields | None:
        return None if self._values.get(key) is None else self.group(key)

    def maybe_rows(self, key: str) -> list[object]:
        return [] if self._values.get(key) is None else self.rows(key)

    def maybe_text(self, key: str) -> str | None:
        return None if self._values.get(key) is None else self.text(key)

    def maybe_whole(self, key: str) -> int | None:
        return None if self._values.get(key) is None else self.whole(key)

    def maybe_real(self, key: str) -> float | None:
        value = self._values.get(key)
        if value is None or isinstance(value, float):
            if value is not None and not math.isfinite(value):
                raise Unreadable(f"{key} is not finite")
            return value
        return self.whole(key)
