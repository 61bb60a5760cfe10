"""The documents beside the registry say what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest
import yaml

from herd.registry import schema, shape

DOCS = Path(__file__).parent.parent.parent / "docs"
FORMAT = (DOCS / "registry-format.md").read_text()
TABLES: dict[str, Mapping[str, shape.Piece]] = {
    "top": shape.TOP,
    "registry": shape.REGISTRY,
    "model": shape.MODEL,
    "licence": shape.LICENCE,
    "sampling": shape.SAMPLING,
    "variant": shape.VARIANT,
    "file": shape.FILE,
    "swarm": shape.SWARM,
    **{f"source {kind}": keys for kind, keys in shape.SOURCES.items()},
}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_that_the_reader_knows_is_explained(table: str) -> None:
    missing = [key for key in TABLES[table] if f"`{key}`" not in FORMAT]

    assert missing == []


def test_every_key_that_is_explained_is_one_that_the_reader_knows() -> None:
    known = {key for table in TABLES.values() for key in table}
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", FORMAT, re.MULTILINE)

    assert rows
    assert sorted(set(rows) - known) == []


def test_every_word_of_a_closed_list_is_explained() -> None:
    lists = (
        *(shape.MODEL["role"], shape.MODEL["status"], shape.LICENCE["commercial"]),
        *(shape.VARIANT["format"], shape.SWARM["state"]),
    )
    words = [word for each in lists for word in each["enum"]]

    assert [word for word in words if f"`{word}`" not in FORMAT] == []


def test_the_whole_example_reads() -> None:
    examples = re.findall(r"```yaml\n(schema: 1\n.*?)```", FORMAT, re.DOTALL)

    assert examples
    for example in examples:
        assert schema.read(example.encode(), "example.yaml").models


def test_the_schema_for_editors_is_current() -> None:
    assert json.loads((DOCS / "registry.schema.json").read_text()) == shape.rendered()


def test_an_editor_finds_nothing_wrong_with_the_registry_itself() -> None:
    editor = jsonschema.Draft202012Validator(shape.rendered())
    registry = yaml.safe_load((DOCS.parent / "registry.yaml").read_text())

    assert [error.message for error in editor.iter_errors(registry)] == []


def test_an_editor_finds_a_wrong_key_in_a_registry() -> None:
    editor = jsonschema.Draft202012Validator(shape.rendered())
    registry = yaml.safe_load((DOCS.parent / "registry.yaml").read_text())
    registry["models"]["smollm2-135m"]["titel"] = "SmolLM2"

    [error] = editor.iter_errors(registry)
    assert "titel" in error.message
