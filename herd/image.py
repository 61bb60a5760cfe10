"""Images that a model is shown: read, and looked at as far as is safe in Python.

An image is named by its path, or is a `data:` URI (RFC 2397) in base64. What it shows is
decoded in the engine's child process alone, by C code on bytes of strangers; so only kinds
that everybody uses go there, and none that would unfold to gigabytes.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable
from pathlib import Path

from herd import disk
from herd.errors import BadUsage
from herd.model import Installed, InstalledFile, is_projector
from herd.places import expanded
from herd.words import count, one_line, size

LARGEST = 32 << 20
"""Bytes of a file."""
MOST_PIXELS = 64_000_000
"""Of one image; unfolded each takes three bytes."""
MOST_IMAGES = 16
"""In one prompt."""

_PNG, _GIF = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
_KINDS = "PNG, JPEG, GIF, BMP and WebP are known."
_SIZED = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG that say its size (SOF0 to SOF15; ITU T.81, table B.1)."""
_PADDING = re.compile(rb"\xff+")
"""Any number of these may stand before a marker (B.1.1.2)."""
_MOST_SEGMENTS = 4096
"""Of a JPEG before the one that says its size; a profile of colours in many parts takes 255."""


def read(image: str) -> bytes:
    """The bytes of an image, which is of a kind and a size that can be shown.

    Args:
        image: A path, or a `data:` URI.

    Raises:
        BadUsage: it cannot be read, is no image, or is too large.
    """
    name = named(image)
    content = _decoded(image) if image.startswith("data:") else _from_file(image, name)
    try:
        sides = _sides(content)
    except (struct.error, IndexError):
        sides = None
    if sides is None:
        raise BadUsage(f"{name} is no image.", _KINDS)
    if not all(sides):
        raise BadUsage(f"{name} is damaged: its picture has no size.", "Name another image.")
    if sides[0] * sides[1] > MOST_PIXELS:
        raise BadUsage(
            f"{name} is too large: {sides[0]:,} x {sides[1]:,} pixels.", "Make it smaller."
        )
    return content


def is_one(path: Path) -> bool:
    """Whether what lies there begins as an image does."""
    try:
        return _sides(_from_file(str(expanded(path)), path.name)) is not None
    except (BadUsage, struct.error, IndexError):
        return False


def named(image: str) -> str:
    """What messages call an image."""
    return "The image" if image.startswith("data:") else one_line(Path(image).name)


def absolute(path: Path) -> str:
    """The image at this path, as a turn keeps it.

    Raises:
        BadUsage: as `read`.
    """
    image = str(expanded(path).absolute())
    read(image)
    return image


def refuse_many(images: Iterable[str]) -> None:
    """Say it when there are too many.

    Raises:
        BadUsage: there are.
    """
    many = len(list(images))
    if many > MOST_IMAGES:
        raise BadUsage(
            f"{count(many, 'image')} are too many for one question.",
            f"Show at most {MOST_IMAGES}.",
        )


def projector(installed: Installed) -> InstalledFile | None:
    """The file with which a model sees (its mmproj), by its name, as every tool names it."""
    return next((each for each in installed.files[1:] if is_projector(each.name)), None)


def _from_file(image: str, name: str) -> bytes:
    """The content of a file; never waits for one that is a pipe."""
    try:
        with disk.ordinary(Path(image)) as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadUsage(f"{name} cannot be read: {reason}.", "Name an image.") from error
    return _bounded(content, name)


def _decoded(image: str) -> bytes:
    """The content of a `data:` URI."""
    kind, comma, text = image.partition(",")
    if not comma or not kind.endswith(";base64"):
        raise BadUsage("The image is no data: URI in base64.", "data:image/png;base64,...")
    if len(text) > LARGEST * 4 // 3 + 4:
        raise BadUsage(f"The image is larger than {size(LARGEST)}.", "Make it smaller.")
    try:
        return _bounded(base64.b64decode(text, validate=True), "The image")
    except (binascii.Error, ValueError) as error:
        raise BadUsage("The image is no base64.", "data:image/png;base64,...") from error


def _bounded(content: bytes, name: str) -> bytes:
    if len(content) > LARGEST:
        raise BadUsage(f"{name} is larger than {size(LARGEST)}.", "Make it smaller.")
    return content


def _sides(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None if this is no image of a known kind."""
    if content.startswith(_PNG):
        whole = struct.unpack_from(">4sII", content, 12)
        return (whole[1], whole[2]) if whole[0] == b"IHDR" else None
    if content.startswith(_GIF):
        return _two(content, "<HH", 6)
    if content.startswith(b"BM"):
        old = struct.unpack_from("<I", content, 14)[0] == 12
        width, height = _two(content, "<HH" if old else "<ii", 18)
        return abs(width), abs(height)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _of_webp(content)
    return _of_jpeg(content) if content.startswith(b"\xff\xd8\xff") else None


def _of_jpeg(content: bytes) -> tuple[int, int] | None:
    """Segment by segment up to the one that says the size."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if not (padding := _PADDING.match(content, at)):
            return None
        at = padding.end() - 1
        marker = content[at + 1]
        if marker in _SIZED:
            height, width = _two(content, ">HH", at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", content, at + 2)[0]
    return None


def _of_webp(content: bytes) -> tuple[int, int] | None:
    """RFC 9649: the first chunk says the size, in one of three ways."""
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    if kind == b"VP8 ":
        width, height = _two(content, "<HH", 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _two(content: bytes, form: str, at: int) -> tuple[int, int]:
    one, two = struct.unpack_from(form, content, at)
    return int(one), int(two)
