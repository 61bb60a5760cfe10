"""A JSON Schema as a grammar of llama.cpp (GBNF), so that an answer cannot but conform to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from herd.engine.limits import TookTooLong, limited
from herd.engine.schema_flaw import flaw
from herd.errors import Unanswerable

LARGEST_SCHEMA = 1 << 17
"""Characters."""
LARGEST_GRAMMAR = 1 << 18
"""Characters; a schema of fifty can ask for a grammar of gigabytes (`minItems`, `maxLength`)."""
DEEPEST_GRAMMAR = 4096
"""Brackets within brackets; llama.cpp's parser is recursive, and a stack has an end."""

_UNKNOWN = "Unrecognized schema: "
"""How the converter begins where it knows none of the keywords."""

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
    if why := flaw(schema):
        raise _refused(why)
    text = json.dumps(schema)
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
        raise _refused(_reason(error)) from error


def _refused(why: str) -> Unanswerable:
    return Unanswerable(
        f"The JSON schema cannot be made into a grammar: {why}.", "Write it more simply."
    )


def _reason(error: Exception) -> str:
    """Why a schema without a flaw has no grammar; what Python calls it is nobody's concern."""
    match error:
        case MemoryError() | TookTooLong():
            return "it asks for too many repetitions"
        case RecursionError():
            return "it goes in a circle, or too deep"
        case KeyError() | AttributeError() | TypeError():
            return "it has something that the converter of llama.cpp does not know"
    said = " ".join(str(error).split())[:160]
    unknown = said.removeprefix(_UNKNOWN)
    return f"there is no grammar of {unknown}" if unknown != said else said


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
