"""Small images, written byte by byte."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path


def png(path: Path, colour: tuple[int, int, int] = (200, 30, 30), side: int = 24) -> Path:
    """A square of one colour with a black corner."""
    rows = [
        b"\0" + b"".join(bytes((0, 0, 0) if x + y < side // 2 else colour) for x in range(side))
        for y in range(side)
    ]
    content = zlib.compress(b"".join(rows))
    path.write_bytes(of_chunks(side, side, content))
    return path


def of_chunks(width: int, height: int, content: bytes) -> bytes:
    """A PNG that says it has these sides (RFC 2083), whatever its content unfolds to."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
