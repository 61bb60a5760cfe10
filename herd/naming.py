"""Names and titles, made of what strangers call their files and models. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from herd.model import is_name
from herd.words import one_line

_QUANTISATION = re.compile(r"[-._]((?:ud-)?i?q\d\w*|bf16|f16|f32|mxfp4\w*)$", re.IGNORECASE)
_ENDING = re.compile(r"\.(gguf|bin)$", re.IGNORECASE)
_SHARD = re.compile(r"-([0-9]{5})-of-([0-9]{5})$", re.ASCII)


@dataclass(frozen=True)
class Named:
    """What the name of a file says."""

    stem: str
    """Without its ending, its quantisation and the number of its shard."""
    quantisation: str | None
    """`Q4_K_M`."""
    shard: int = 1
    shards: int = 1

    @property
    def variant(self) -> str:
        """The name of the variant: the quantisation in lower case, `file` where it says none."""
        return slug(self.quantisation or "") or "file"

    @property
    def model(self) -> str | None:
        """The name of the model; None where none can be made of it."""
        name = slug(self.stem)
        return name if is_name(name) else None


def named(file_name: str) -> Named:
    """Read the name of a file: `Qwen3-4B-Q4_K_M-00001-of-00002.gguf`."""
    stem = _ENDING.sub("", file_name)
    shard = _SHARD.search(stem)
    if shard:
        stem = stem[: shard.start()]
    found = _QUANTISATION.search(stem)
    quantisation = found[1].upper() if found else None
    numbers = (int(shard[1]), int(shard[2])) if shard else (1, 1)
    return Named(one_line(stem[: found.start()] if found else stem), quantisation, *numbers)


def slug(text: str) -> str:
    """The text as a name may be: lower case, and dashes for whatever a name cannot have."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    return re.sub(r"\.{2,}", ".", plain).strip("-._")[:64].strip("-._")


def line(text: str | None, most: int) -> str:
    """A text of a stranger on one line of at most so many characters, all of which can be shown."""
    words = " ".join((text or "").split())
    shown = "".join(letter for letter in words if letter.isprintable()).strip()
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"
