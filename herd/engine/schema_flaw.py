"""What is wrong with a JSON Schema, in words of whoever wrote it, before it becomes a grammar.

The converter that follows trusts what it is given, and its troubles are Python's. This reads
the keywords that it uses, and says where one is not as JSON Schema has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from herd.words import one_line

DEEPEST = 64
"""Schemas within schemas."""
TYPES = ("string", "number", "integer", "boolean", "null", "object", "array")
_LONGEST = 40
"""Characters of a stranger's word that are shown."""
_TABLES = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def flaw(schema: Mapping[str, Any]) -> str | None:
    """The first flaw, as a sentence without its stop; None where there is none to be seen."""
    waiting = [_Node(schema)]
    while waiting:
        node = waiting.pop()
        if why := next(_flaws(node, schema), None):
            return why
        if node.depth > DEEPEST:
            return f"it is nested more than {DEEPEST} levels deep"
        waiting += list(_inner(node))[::-1]
    return None


@dataclass(frozen=True)
class _Node:
    """A schema within the schema."""

    value: Any
    path: str = ""
    depth: int = 1

    def below(self, value: object, *names: str) -> _Node:
        path = ".".join((*([self.path] if self.path else []), *map(_shown, names)))
        return _Node(value, path, self.depth + 1)

    def wrong(self, name: str, wanted: str) -> str:
        return f"{self.below(None, name).path} must be {wanted}"


def _inner(node: _Node) -> Iterator[_Node]:
    """The schemas right below; what is no list or object was said to be a flaw already."""
    for name in _TABLES:
        for key, each in node.value.get(name, {}).items():
            yield node.below(each, name, key)
    for name in _LISTS:
        for at, each in enumerate(node.value.get(name, [])):
            yield node.below(each, f"{name}[{at}]")
    for name in ("items", "additionalProperties"):
        each = node.value.get(name, True)
        for at, one in enumerate(each if isinstance(each, list) else []):
            yield node.below(one, f"{name}[{at}]")
        if not isinstance(each, bool | list):
            yield node.below(each, name)


def _flaws(node: _Node, root: Mapping[str, Any]) -> Iterator[str]:
    value = node.value
    if not isinstance(value, dict):
        yield f"{node.path or 'it'} must be an object, as a schema is"
        return
    types = value.get("type", "object")
    for each in types if isinstance(types, list) else [types]:
        if each not in TYPES:
            yield node.wrong("type", f"one of {', '.join(TYPES)}, not {_shown(str(each))}")
    for name in _TABLES:
        if not isinstance(value.get(name, {}), dict):
            yield node.wrong(name, "an object that has a schema for each name")
    for name in _LISTS:
        if name in value and not (isinstance(value[name], list) and value[name]):
            yield node.wrong(name, "a list of schemas, at least of one")
    if "enum" in value and not (isinstance(value["enum"], list) and value["enum"]):
        yield node.wrong("enum", "a list of values, at least of one")
    if value.get("items", None) == {} or isinstance(value.get("items"), bool):
        yield node.wrong("items", "an object that says what an item is")
    required = value.get("required", [])
    if not (isinstance(required, list) and all(isinstance(each, str) for each in required)):
        yield node.wrong("required", "a list of names")
    yield from _scalars(node)
    if "$ref" in value and (why := _reference(value["$ref"], root)):
        yield f"{node.below(None, '$ref').path} {why}"


def _scalars(node: _Node) -> Iterator[str]:
    value = node.value
    for name in _COUNTS:
        if type(value.get(name, 0)) is not int or value.get(name, 0) < 0:
            yield node.wrong(name, "a whole number from 0 on")
    for low, high in (_COUNTS[:2], _COUNTS[2:]):
        if high in value and value.get(low, 0) > value[high]:
            yield node.wrong(low, f"no more than {high}")
    for name in _NUMBERS:
        if name in value and type(value[name]) not in (int, float):
            yield node.wrong(name, "a number")
    pattern = value.get("pattern", "^$")
    if not (isinstance(pattern, str) and pattern.startswith("^") and pattern.endswith("$")):
        yield node.wrong("pattern", "a text that begins with ^ and ends with $")


def _reference(named: object, root: Mapping[str, Any]) -> str | None:
    """Why a `$ref` leads nowhere, as the end of a sentence."""
    if not isinstance(named, str) or not named.startswith("#/"):
        return "must begin with #/, as `#/$defs/name`: herd fetches no schema"
    found: Any = root
    for part in named.removeprefix("#/").split("/"):
        if not isinstance(found, dict) or part not in found:
            return f"refers to {_shown(named)}, which is not in the schema"
        found = found[part]
    return None


def _shown(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
