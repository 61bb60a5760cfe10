"""A JSON Schema as a grammar of llama.cpp (GBNF), so that an answer cannot but conform to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from herd.engine.limits import TookTooLong, limited
from herd.errors import Unanswerable

LARGEST_SCHEMA = 1 << 17
"""Characters."""
LARGEST_GRAMMAR = 1 << 18
"""Characters; a schema of fifty can ask for a grammar of gigabytes (`minItems`, `maxLength`)."""
DEEPEST_GRAMMAR = 4096
"""Brackets within brackets; llama.cpp's parser is recursive, and a stack has an end."""

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r"})
_STRICT = (r'char ::= [^"\\] |', r'char ::= [^"\\\x7F\x00-\x1F] |')

_ANY_OBJECT = r"""
root   ::= object
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" space ( string ":" space value space ("," space string ":" space value space)* )? "}"
array  ::= "[" space ( value space ("," space value space)* )? "]"
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt/] | "u" [0-9a-fA-F]{4}) )* "\""
number ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?
space  ::= | " " | "\n" [ \t]{0,20}
"""
"""RFC 8259, with bounds where a model could go on for ever."""


def grammar(schema: Mapping[str, Any]) -> str:
    """The grammar of all JSON texts that conform to the schema; `{}` is any object.

    Raises:
        Unanswerable: the schema is too large, or asks for what no grammar can hold.
    """
    if not schema:
        return _ANY_OBJECT
    try:
        text = json.dumps(schema)
    except RecursionError:
        text = ""
    if not 0 < len(text) <= LARGEST_SCHEMA:
        raise Unanswerable(
            "The JSON schema is too large.", "Leave out what the answer can do without."
        )
    try:
        with limited():
            made = _converted(text)
            if len(made) > LARGEST_GRAMMAR or _depth(made) > DEEPEST_GRAMMAR:
                raise ValueError("it asks for too many repetitions")
            return made
    except (
        AssertionError,
        AttributeError,
        KeyError,
        MemoryError,
        RecursionError,
        TookTooLong,
        TypeError,
        ValueError,
        NotImplementedError,
    ) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise Unanswerable(
            f"The JSON schema cannot be made into a grammar: {reason}.", "Write it more simply."
        ) from error


def _converted(text: str) -> str:
    """By llama-cpp-python's converter, with what it gets wrong set right.

    It leaves a backslash in a literal as it is, where GBNF takes it for an escape, and lets
    control characters into strings, where RFC 8259 (section 7) wants them escaped.
    """
    from llama_cpp.llama_grammar import SchemaConverter

    class Converter(SchemaConverter):  # type: ignore[misc]  # it has no types
        def _format_literal(self, literal: str) -> str:
            return f'"{literal.translate(_ESCAPED)}"'

    converter = Converter(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)
    converter.visit(converter.resolve_refs(json.loads(text), "stdin"), "")
    return str(converter.format_grammar()).replace(*_STRICT)


def _depth(made: str) -> int:
    """How deep brackets nest at most; those within quotes count too, and seldom matter."""
    steps = (1 if each == "(" else -1 for each in made if each in "()")
    return max(accumulate(steps), default=0)
