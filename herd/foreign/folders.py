"""Tools that keep .gguf files under names: Hugging Face, LM Studio, llama.cpp, GPT4All, folders."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

from herd.foreign.found import Found, FoundFile, file_at, grouped, walk
from herd.model import Sha256, is_sha256

_REPO = "models--"
_EYES = "mmproj"


def huggingface_folders(home: Path, env: Mapping[str, str]) -> list[Path]:
    """The cache of the Hub's own client, which several tools share."""
    if chosen := env.get("HF_HUB_CACHE"):
        return [Path(chosen)]
    base = Path(env["HF_HOME"]) if env.get("HF_HOME") else _cache(home, env) / "huggingface"
    return [base / "hub"]


def huggingface(folder: Path) -> Iterator[Found]:
    """Models of a Hub cache: links in snapshots, bytes in blobs by their digest."""
    for repo in sorted(path for path in folder.glob(f"{_REPO}*") if path.is_dir()):
        name = repo.name.removeprefix(_REPO).replace("--", "/")
        seen: set[tuple[Path, ...]] = set()
        for snapshot in sorted(path for path in repo.glob("snapshots/*") if path.is_dir()):
            for found in _each_folder("huggingface", snapshot, partial(_cached, repo), f"{name}/"):
                paths = tuple(file.path for file in found.files)
                if paths not in seen:
                    seen.add(paths)
                    yield found


def _cached(repo: Path, path: Path) -> FoundFile | None:
    """A file of a snapshot; a link that leads out of its repository is none of it."""
    file = file_at(path, within=repo)
    if file is None:
        return None
    blob = file.path.name
    return FoundFile(file.path, path.name, file.size, Sha256(blob) if is_sha256(blob) else None)


def lmstudio_folders(home: Path, env: Mapping[str, str]) -> list[Path]:
    """Where LM Studio keeps its models, now and earlier."""
    del env
    return [home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"]


def lmstudio(folder: Path) -> Iterator[Found]:
    """Models of LM Studio: <publisher>/<repository>/<file>."""
    yield from _each_folder("lmstudio", folder)


def llamacpp_folders(home: Path, env: Mapping[str, str]) -> list[Path]:
    """llama.cpp's own cache."""
    if chosen := env.get("LLAMA_CACHE"):
        return [Path(chosen)]
    if sys.platform == "darwin":
        return [home / "Library" / "Caches" / "llama.cpp"]
    return [_cache(home, env) / "llama.cpp"]


def llamacpp(folder: Path) -> Iterator[Found]:
    """Models of llama.cpp's cache: flat, every name begins with its repository."""
    files = [file for path in walk(folder, deepest=0) if (file := file_at(path))]
    eyes = [file for file in files if _EYES in file.name]
    for found in grouped("llama.cpp", "", [file for file in files if file not in eyes]):
        mine = [file for file in eyes if found.name.startswith(file.name.partition(_EYES)[0])]
        yield replace(found, files=(*found.files, *mine))


def gpt4all_folders(home: Path, env: Mapping[str, str]) -> list[Path]:
    """Where GPT4All's app and its Python package keep models."""
    places = [home / ".local" / "share" / "nomic.ai" / "GPT4All"]
    if sys.platform == "darwin":
        places = [home / "Library" / "Application Support" / "nomic.ai" / "GPT4All"]
    if local := env.get("LOCALAPPDATA"):
        places.append(Path(local) / "nomic.ai" / "GPT4All")
    return [*places, home / ".cache" / "gpt4all"]


def gpt4all(folder: Path) -> Iterator[Found]:
    """Models of GPT4All; what it has not fetched to the end is none."""
    files = [file for path in walk(folder, deepest=0) if (file := file_at(path))]
    whole = [file for file in files if not file.name.startswith("incomplete-")]
    yield from grouped("gpt4all", "", whole)


def folder(path: Path) -> Iterator[Found]:
    """Models of any folder, or the one of a file: its other parts come with it."""
    if path.is_file():
        yield from _around(path)
    else:
        yield from _each_folder("folder", path)


def _around(path: Path) -> Iterator[Found]:
    real = path.resolve()
    neighbours = sorted(each for each in path.parent.iterdir() if each.suffix.lower() == ".gguf")
    files = [file for each in neighbours if (file := file_at(each))]
    if path not in neighbours and (alone := file_at(path)):
        files.append(alone)
    for found in grouped("folder", "", files):
        if any(file.path == real for file in found.files):
            yield found
            return


def _each_folder(
    tool: str,
    root: Path,
    read: Callable[[Path], FoundFile | None] = file_at,
    prefix: str = "",
) -> Iterator[Found]:
    for parent, paths in groupby(walk(root), key=lambda path: path.parent):
        below = "" if parent == root else f"{parent.relative_to(root).as_posix()}/"
        yield from grouped(tool, prefix + below, [file for path in paths if (file := read(path))])


def _cache(home: Path, env: Mapping[str, str]) -> Path:
    return Path(env["XDG_CACHE_HOME"]) if env.get("XDG_CACHE_HOME") else home / ".cache"
