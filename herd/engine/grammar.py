"""A JSON Schema as a grammar of llama.cpp (GBNF), so that an answer cannot but conform to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from herd.errors import EngineFailed

LARGEST_SCHEMA = 1 << 17
"""Characters."""

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
        EngineFailed: the schema is too large, or asks for what no grammar can hold.
    """
    if not schema:
        return _ANY_OBJECT
    try:
        text = json.dumps(schema)
    except RecursionError:
        text = ""
    if not 0 < len(text) <= LARGEST_SCHEMA:
        raise EngineFailed(
            "The JSON schema is too large.", "Leave out what the answer can do without."
        )
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    try:
        return str(json_schema_to_gbnf(text))
    except (
        AssertionError,
        AttributeError,
        KeyError,
        RecursionError,
        TypeError,
        ValueError,
        NotImplementedError,
    ) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise EngineFailed(
            f"The JSON schema cannot be made into a grammar: {reason}.", "Write it more simply."
        ) from error
