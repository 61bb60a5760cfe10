"""Rules about the files themselves."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
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

TEST = re.compile(r"^def (test_\w+)", re.MULTILINE)


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


def test_every_module_of_the_core_has_a_layer_and_the_design_page_shows_the_same() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [layer.split(" | ") for layer in lint["contracts"][0]["layers"]]
    depth = {module: at for at, layer in enumerate(layers) for module in layer}
    page = (ROOT / "docs" / "design.md").read_text()
    drawn = re.findall(r"\bherd(?:_tui|\.\w+)", page.split("\n## ")[2].split("\n\n")[1])
    inside = [path.relative_to(ROOT / "herd") for path in CODE if (ROOT / "herd") in path.parents]
    modules = {
        f"herd.{path.parts[0].removesuffix('.py')}" for path in inside if path.parts[0][0] != "_"
    }

    assert set(depth) == modules | {"herd_tui"}
    assert set(drawn) == set(depth)
    assert all(depth[above] <= depth[below] for above, below in pairwise(drawn))


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_what_a_page_names_of_the_code_is_there(page: Path) -> None:
    """Modules (`herd.pieces.Proof`, `board.py`) and paths (`tests/tools/fakes.py`)."""
    there = {str(path.relative_to(ROOT)) for path in CODE}
    names = {path.name for path in CODE}
    text = page.read_text()
    dotted = re.findall(r"`((?:herd|herd_tui)(?:\.[a-z_]+)+)(?:\.[A-Z]\w*)?`", text)
    files = re.findall(r"`([\w/]+\.py)`", text)

    def is_there(module: str) -> bool:
        path = module.replace(".", "/")
        ends = (".py", "/__init__.py")
        return any(root + path + end in there for root in ("", "tui/") for end in ends)

    assert [module for module in dotted if not is_there(module) and module != "herd.log"] == []
    assert [each for each in files if each not in there and each not in names] == []


def test_the_page_of_faults_lists_the_tests_of_faults_in_their_order() -> None:
    page = (ROOT / "docs" / "faults.md").read_text()
    files = sorted((ROOT / "tests" / "faults").glob("test_*.py"))
    tests = [name for file in files for name in TEST.findall(file.read_text())]

    assert re.findall(r"`(test_\w+)`", page) == tests


def test_the_page_of_faults_names_tests_that_are_there() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / "docs" / "faults.md").read_text())
    there = {file: (ROOT / "tests" / file).read_text() for file, _ in named}

    assert len(named) > 30
    assert [each for each in named if each[1] not in TEST.findall(there[each[0]])] == []


def test_what_changes_is_told_under_a_heading_and_once() -> None:
    """CHANGELOG.md is long: a line goes where its reader looks for it, beside what it adds to."""
    _, _, unreleased = (ROOT / "CHANGELOG.md").read_text().partition("## Unreleased")
    first, *groups = re.split(r"^#### .*$", unreleased, flags=re.MULTILINE)
    told = [line for group in groups for line in group.splitlines() if line.startswith("- ")]
    hint = "git checkout main -- CHANGELOG.md, and put your line under the heading it belongs to"

    assert groups, hint
    assert "- " not in first, hint
    assert len(told) == len(set(told)), hint
    assert len(told) < 120, hint
