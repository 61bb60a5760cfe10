"""The stores of other tools, laid out as those tools do it."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path


def gguf(seed: int = 1, size: int = 2000, **texts: str) -> bytes:
    """A small file with a true header: values, no tensors, and bytes behind them."""
    values = {"general.architecture": "llama", "general.name": f"model {seed}", **texts}
    body = b"".join(_text(key) + struct.pack("<I", 8) + _text(text) for key, text in values.items())
    numbers = {"llama.context_length": 2048, "general.file_type": 2}
    body += b"".join(_text(key) + struct.pack("<II", 4, each) for key, each in numbers.items())
    count = len(values) + len(numbers)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, count) + body + bytes([seed]) * size


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def ollama(
    folder: Path, name: str, tag: str, layers: Mapping[str, bytes], host: str = "registry.ollama.ai"
) -> Path:
    """A model of Ollama: layers by kind; the manifest it has."""
    rows = []
    for kind, content in layers.items():
        sha = digest(content)
        write(folder / "blobs" / f"sha256-{sha}", content)
        media = f"application/vnd.ollama.image.{kind}"
        rows.append({"mediaType": media, "digest": f"sha256:{sha}", "size": len(content)})
    config = {"mediaType": "application/vnd.docker.container.image.v1+json"}
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    document = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": rows}
    where = ("library",) if "/" not in name else ()
    path = folder.joinpath("manifests", host, *where, *name.split("/"), tag)
    return write(path, json.dumps(document).encode())


def huggingface(
    folder: Path, repo: str, files: Mapping[str, bytes], revision: str = "a" * 40
) -> Path:
    """A repository of the Hub's cache: blobs by digest, links in a snapshot."""
    root = folder / f"models--{repo.replace('/', '--')}"
    write(root / "refs" / "main", revision.encode())
    for name, content in files.items():
        blob = write(root / "blobs" / digest(content), content)
        link = root / "snapshots" / revision / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("../" * (2 + name.count("/"))) / "blobs" / blob.name)
    return root
