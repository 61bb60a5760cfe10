"""Models written as a registry that people can read and that the strict reader reads. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from herd.model import (
    Commercial,
    File,
    Format,
    HfSource,
    Licence,
    MagnetSource,
    Model,
    PathSource,
    PypiSource,
    Sampling,
    Source,
    Status,
    SwarmState,
    TorrentSource,
    UrlSource,
    Variant,
)

Tree = str | int | float | bool | Sequence["Tree"] | Mapping[str, "Tree"]
"""What YAML holds, in the order in which it is written."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+()-]*(?: [A-Za-z0-9_./+(),-]+)*", re.ASCII)
_ADDRESS = re.compile(r"[a-z]+://[A-Za-z0-9._/~%+:=&-]+", re.ASCII)
_HASH = re.compile(r"(?=.*[abcdf])[0-9a-f]{40,64}", re.ASCII)
"""With a letter that no number has."""
_MEANS_MORE = re.compile(r"(?:null|true|false|yes|no|on|off|y|n)", re.IGNORECASE)
_KEY = re.compile(r"[a-z][a-z0-9._-]*", re.ASCII)


def document(name: str, models: Iterable[Model], updated: str | None = None) -> str:
    """A whole registry.

    Args:
        name: What it is called.
        models: Without two of one name.
        updated: The day on which somebody looked at it.
    """
    about: Mapping[str, Tree] = {"name": name} | ({"updated": updated} if updated else {})
    tree: dict[str, Tree] = {
        "schema": 1,
        "registry": about,
        "models": {model.name: _model(model) for model in models},
    }
    return "\n".join(_lines(tree, 0)) + "\n"


def entry(model: Model) -> str:
    """One model, as it stands under `models`."""
    return "\n".join(_lines({model.name: _model(model)}, 2)) + "\n"


def _model(model: Model) -> Tree:
    return _known(
        title=model.title,
        aliases=model.aliases,
        family=model.family,
        parameters=model.parameters,
        role=model.role,
        summary=model.summary,
        licence=_licence(model.licence),
        context=model.context,
        template=model.template,
        stop=model.stop,
        sampling=_sampling(model.sampling),
        epsilon=model.epsilon,
        recommended=model.is_recommended or None,
        status=None if model.status is Status.ACTIVE else model.status.value,
        replaced_by=model.replaced_by,
        reason=model.reason,
        default=model.default,
        variants={each.name: _variant(each) for each in model.variants},
    )


def _licence(licence: Licence) -> Tree:
    is_unknown = licence.commercial is Commercial.UNKNOWN
    return _known(
        id=licence.id,
        url=licence.url,
        commercial=None if is_unknown else licence.commercial.value,
        must_be_accepted=licence.must_be_accepted or None,
        redistributable=None if licence.is_redistributable else False,
        note=licence.note,
    )


def _sampling(sampling: Sampling) -> Tree:
    return _known(**{name: getattr(sampling, name) for name in sampling.__dataclass_fields__})


def _variant(variant: Variant) -> Tree:
    return _known(
        format=None if variant.format is Format.GGUF else variant.format.value,
        quantisation=variant.quantisation,
        files=[_file(each) for each in variant.files],
    )


def _file(file: File) -> Tree:
    sources = [_source(each) for each in file.sources]
    return _known(name=file.name, size=file.size, sha256=file.sha256, sources=sources)


def _source(source: Source) -> Tree:
    match source:
        case UrlSource(url):
            return {"url": url}
        case HfSource(repo, revision, path):
            return {"hf": repo, "revision": revision, "path": path}
        case PypiSource(requirement, member):
            return {"pypi": requirement, "member": member}
        case TorrentSource(location):
            return {"torrent": location}
        case MagnetSource():
            state = None if source.state is SwarmState.LIVE else source.state.value
            names = {"v1": source.v1, "v2": source.v2, "name": source.display_name}
            return {
                "magnet": _known(**names, trackers=source.trackers, state=state, note=source.note)
            }
        case PathSource():
            raise ValueError("a registry names no path of its reader")


def _known(**values: Tree | None) -> dict[str, Tree]:
    """What is known; empty lists, mappings and texts are left out."""
    return {
        key.replace("_", "-"): value
        for key, value in values.items()
        if value is not None and value not in ("", (), [], {})
    }


def _lines(tree: Mapping[str, Tree], indent: int) -> Iterator[str]:
    for key, value in tree.items():
        name = f"{' ' * indent}{_key(key)}:"
        if isinstance(value, Mapping) and not _is_flat(value):
            yield name
            yield from _lines(value, indent + 2)
        elif isinstance(value, Sequence) and not isinstance(value, str) and not _is_flat(value):
            yield name
            for item in value:
                yield from _item(item, indent)
        else:
            yield f"{name} {_flat(value)}"


def _item(item: Tree, indent: int) -> Iterator[str]:
    if not isinstance(item, Mapping):
        yield f"{' ' * indent}- {_flat(item)}"
        return
    first, *rest = _lines(item, indent + 2)
    yield f"{' ' * indent}- {first[indent + 2 :]}"
    yield from rest


def _is_flat(value: Tree) -> bool:
    """Whether it is short enough for one line."""
    if isinstance(value, Mapping):
        inner: Iterable[Tree] = value.values()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = value
    else:
        return True
    is_simple = all(isinstance(each, str | int | float) for each in inner)
    return is_simple and len(_flat(value)) <= 80


def _flat(value: Tree) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.18f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_flat(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(_flat(each) for each in value) + "]"


def _text(text: str) -> str:
    """A text plainly where no reader could take it for something else, in quotes elsewhere."""
    if _ADDRESS.fullmatch(text) or _HASH.fullmatch(text):
        return text
    is_plain = _PLAIN.fullmatch(text) and not _MEANS_MORE.fullmatch(text) and "," not in text
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _key(key: str) -> str:
    is_plain = _KEY.fullmatch(key) and not _MEANS_MORE.fullmatch(key)
    return key if is_plain else json.dumps(key)
