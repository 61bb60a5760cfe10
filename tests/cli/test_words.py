"""What documents and hints tell people to type exists: every verb, and every option of it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from herd.cli.reference import commands
from herd.cli.tree import PANELS, herd

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    if path.name != "commands.md"
]
CODE = sorted((ROOT / "herd").rglob("*.py"))
SPAN = re.compile(r"`(?:[^`\n]*\| )?(?:\.venv/bin/)?herd ([a-z][^`\n]*)`")
LINE = re.compile(r"^\$ (?:[^#\n]*\| )?herd ([a-z][^#\n]*)", re.MULTILINE)
KNOWN = dict(commands())
ALIASES = {
    alias: verb.name for verbs in PANELS.values() for verb in verbs for alias in verb.aliases
}
EVERYWHERE = {
    name for parameter in [*herd.params, click.Option(["--help", "-h"])] for name in parameter.opts
}


def typed(path: Path) -> list[str]:
    """What a file tells people to type after `herd`."""
    text = path.read_text()
    return [*SPAN.findall(text), *(LINE.findall(text) if path.suffix == ".md" else [])]


def strangeness(line: str) -> str | None:
    """What herd would not understand of it."""
    verb, *words = line.replace("{", " ").split()
    command = KNOWN.get(f"herd {ALIASES.get(verb, verb)}")
    if command is None:
        return f"herd {line}: there is no verb {verb}"
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = words.pop(0)
        if inner not in command.commands:
            return f"herd {line}: {verb} has no {inner}"
        command = command.commands[inner]
    taken = {name for parameter in command.params for name in parameter.opts} | EVERYWHERE
    options = {word.rstrip(".,:;)").partition("=")[0] for word in words if word.startswith("-")}
    strange = {option for option in options - taken if option not in ("-", "--")}
    return f"herd {line}: {', '.join(sorted(strange))}" if strange else None


@pytest.mark.parametrize("path", [*PAGES, *CODE], ids=lambda path: str(path.relative_to(ROOT)))
def test_what_people_are_told_to_type_is_understood(path: Path) -> None:
    assert [found for line in typed(path) if (found := strangeness(line))] == []


def test_what_is_not_understood_is_found() -> None:
    assert strangeness("registry mke FOLDER") == "herd registry mke FOLDER: registry has no mke"
    assert strangeness("instal x") == "herd instal x: there is no verb instal"
    assert strangeness("search code --fit") == "herd search code --fit: --fit"
    assert strangeness("rm --yes x") is None


def test_the_readme_tells_people_to_type_something() -> None:
    assert len(typed(ROOT / "README.md")) > 10
