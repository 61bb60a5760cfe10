"""Small models of real bytes, brought into a store as an install does it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from herd.model import File, Format, Installed, InstalledFile, Licence, Reference, Sha256, UrlSource
from herd.places import places
from herd.store import Store

Contents = dict[str, bytes]
"""File names and their bytes, the primary file first."""


def digest(content: bytes) -> Sha256:
    return Sha256(hashlib.sha256(content).hexdigest())


def store_at(home: Path) -> Store:
    return Store(places({"HERD_HOME": str(home)}))


def file_of(name: str, content: bytes) -> File:
    url = UrlSource(f"https://models.example.org/{name}")
    return File(name, (url,), len(content), digest(content))


def model(
    reference: str, contents: Contents, installed_at: str = "2026-01-01T00:00:00+00:00"
) -> Installed:
    name, _, variant = reference.partition(":")
    files = tuple(
        InstalledFile(each, len(content), digest(content)) for each, content in contents.items()
    )
    return Installed(
        name=name,
        variant=variant or "q4",
        title=name.title(),
        format=Format.GGUF,
        files=files,
        installed_at=installed_at,
        source="models.example.org",
        is_verified=True,
        licence=Licence("MIT"),
    )


def commit(store: Store, content: bytes, name: str = "any.gguf") -> Path:
    staged = store.staged(file_of(name, content))
    staged.part.parent.mkdir(parents=True, exist_ok=True)
    staged.part.write_bytes(content)
    return store.commit(staged.part, digest(content), len(content))


def install(store: Store, installed: Installed, contents: Contents) -> None:
    with store.hold(installed.reference):
        store.sweep()
        for name, content in contents.items():
            if not store.has(digest(content), len(content)):
                commit(store, content, name)
        store.record(installed)


def bring(store: Store, reference: str, **contents: bytes) -> Installed:
    """Install a model whose files are named by the keywords."""
    named = {f"{name}.gguf": content for name, content in contents.items()}
    installed = model(reference, named)
    install(store, installed, named)
    return installed


def is_whole(store: Store, installed: Installed) -> bool:
    """Whether every byte that the manifest promises is there, under its digest and by its path."""
    primary = store.path_of(installed).read_bytes()
    return digest(primary) == installed.files[0].sha256 and all(
        digest(store.blob(file.sha256).read_bytes()) == file.sha256 for file in installed.files
    )


def links(home: Path) -> dict[str, bytes]:
    """What other tools see: paths below models/, and the bytes there."""
    root = home / "models"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if not path.is_dir()
    }


def blobs(home: Path) -> set[str]:
    return {path.name for path in (home / "blobs" / "sha256").iterdir()}


def reference_of(text: str) -> Reference:
    name, _, variant = text.partition(":")
    return Reference(name, variant or None)
