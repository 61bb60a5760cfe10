"""Rules about the files themselves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from herd.cli.reference import page

ROOT = Path(__file__).parent.parent
CODE = [
    path
    for folder in ("herd", "tui", "tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".tcss")
]
LONGEST = 400
FORBIDDEN = re.compile(r"(manager|handler|helper|utils?|data|info|processor|service)s?\.py")


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_passes_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [str(path.relative_to(ROOT)) for path in CODE if FORBIDDEN.fullmatch(path.name)]

    assert named == []


def test_the_page_of_commands_is_what_the_code_says() -> None:
    written = (ROOT / "docs" / "commands.md").read_text()

    assert written == page(), "python -m herd.cli.reference > docs/commands.md"


def test_tables_are_printed_with_their_styles() -> None:
    """`Session.answer` takes the escapes out of a text; `answer_table` keeps a table's own."""
    verbs = (ROOT / "herd" / "cli").glob("*.py")
    importers = [path.name for path in verbs if "import table\n" in path.read_text()]

    assert importers == ["session.py"], "print it with session.answer_table"


def test_the_layers_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
