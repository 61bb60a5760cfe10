"""The prompt library: named prompts with places to fill in, each a file that one can edit.

A place is a word in double braces: `Translate this into {{language}}: {{text}}`. The
files lie in the folder of the configuration; herd brings a few that a file of the same
name replaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PLACE = re.compile(r"\{\{\s*(\w[\w ]{0,40}?)\s*\}\}")
LARGEST = 64 * 1024
"""Bytes of a prompt file that are read."""


@dataclass(frozen=True)
class Prompt:
    """One of the library."""

    name: str
    text: str

    @property
    def places(self) -> tuple[str, ...]:
        """What is to be filled in, each once, in order."""
        return tuple(dict.fromkeys(_PLACE.findall(self.text)))

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with the places filled; one without a value stays as it is."""
        return _PLACE.sub(lambda match: values.get(match[1], match[0]), self.text)


SHIPPED = (
    Prompt("summarise", "Summarise this in {{how many}} sentences:\n\n{{text}}"),
    Prompt("translate", "Translate this into {{language}}. Answer with nothing else.\n\n{{text}}"),
    Prompt("explain", "Explain {{what}} to {{whom}}, step by step."),
    Prompt("proofread", "Correct spelling and grammar, and change nothing else:\n\n{{text}}"),
)


def library(folder: Path) -> tuple[Prompt, ...]:
    """Herd's prompts and those of the person, by name; what cannot be read is left out."""
    prompts = {prompt.name: prompt for prompt in SHIPPED}
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.suffix in (".md", ".txt") and (prompt := _read(path)):
            prompts[prompt.name] = prompt
    return tuple(prompts[name] for name in sorted(prompts))


def _read(path: Path) -> Prompt | None:
    try:
        with path.open("rb") as stream:
            text = stream.read(LARGEST).decode()
    except (OSError, UnicodeDecodeError):
        return None
    return Prompt(path.stem, text.strip()) if text.strip() else None
