"""A registry of one model, made from what is installed: for whoever gets its files elsewhere.

JSON, which every reader of YAML reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from herd.model import (
    HfSource,
    Installed,
    InstalledFile,
    Licence,
    MagnetSource,
    PypiSource,
    Source,
    TorrentSource,
    UrlSource,
)


def entry(installed: Installed) -> bytes | None:
    """The registry document; None where a file has no source that a registry can name."""
    files = [_file(file) for file in installed.files]
    if not all(file["sources"] for file in files):
        return None
    variant = {
        "format": str(installed.format),
        "quantisation": installed.quantisation,
        "files": files,
    }
    model = {
        "title": installed.title,
        "family": installed.family,
        "parameters": installed.parameters,
        "role": installed.role,
        "summary": installed.summary or None,
        "licence": _licence(installed.licence),
        "context": installed.context,
        "template": installed.template,
        "stop": list(installed.stop) or None,
        "default": installed.variant,
        "variants": {installed.variant: _known(variant)},
    }
    document = {
        "schema": 1,
        "registry": {"name": f"bundle-{installed.name}"[:64]},
        "models": {installed.name: _known(model)},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _file(file: InstalledFile) -> dict[str, object]:
    sources = [named for source in file.sources if (named := _source(source))]
    return {"name": file.name, "size": file.size, "sha256": file.sha256, "sources": sources}


def _source(source: Source) -> dict[str, object] | None:
    match source:
        case UrlSource(url):
            return {"url": url}
        case HfSource(repo, revision, path):
            return {"hf": repo, "revision": revision, "path": path}
        case PypiSource(requirement, member):
            return {"pypi": requirement, "member": member}
        case TorrentSource(location) if location.startswith(("http://", "https://")):
            return {"torrent": location}
        case MagnetSource():
            return {"magnet": _magnet(source)}
        case _:
            return None  # a path of this machine is nobody else's business


def _magnet(source: MagnetSource) -> dict[str, object]:
    return _known(
        {
            "v1": source.v1,
            "v2": source.v2,
            "name": source.display_name,
            "trackers": list(source.trackers) or None,
            "state": str(source.state),
            "note": source.note,
        }
    )


def _licence(licence: Licence) -> dict[str, object]:
    return _known(
        {
            "id": licence.id,
            "url": licence.url,
            "commercial": str(licence.commercial),
            "must-be-accepted": licence.must_be_accepted or None,
            "redistributable": None if licence.is_redistributable else False,
            "note": licence.note,
        }
    )


def _known(fields: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in fields.items() if value is not None}
