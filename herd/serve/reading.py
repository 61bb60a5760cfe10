"""A client's JSON, read with suspicion: what is not as it should be is said in one sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

Read = TypeVar("Read")

DEEPEST = 64
"""Levels of nesting; templates and schemas of real clients have a dozen."""

_TOO_DEEP = f"The body is nested deeper than {DEEPEST} levels, which is all that herd reads."


class BadRequest(Exception):
    """The request cannot be understood; the message says what is wrong with which field."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        """Where it stands, as `messages[2].content`."""


@dataclass(frozen=True)
class Item:
    """A JSON object and where it stands in the request."""

    values: dict[str, Any]
    path: str = ""

    def text(self, name: str, default: str | None = None) -> str:
        """A text that must be there unless there is a default."""
        return clean(self._get(name, str, "a text", default))

    def maybe_text(self, name: str) -> str | None:
        """A text, or None where there is none."""
        return self.text(name) if self.has(name) else None

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number within bounds, None where there is none."""
        if not self.has(name):
            return None
        value = self.values[name]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"a whole number from {low} to {high}")
        return value

    def real(self, name: str, low: float, high: float) -> float | None:
        """A number within bounds, None where there is none."""
        if not self.has(name):
            return None
        value = self.values[name]
        if type(value) not in (int, float) or not low <= value <= high or math.isnan(value):
            raise self.wrong(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def truth(self, name: str, *, default: bool) -> bool:
        """True or false."""
        return self._get(name, bool, "true or false", default)

    def item(self, name: str) -> Item | None:
        """An object, None where there is none."""
        if not self.has(name):
            return None
        return Item(self._get(name, dict, "an object", None), self.at(name))

    def items(self, name: str) -> list[Item]:
        """A list of objects; where there is none, an empty one."""
        return [
            Item(_is(each, dict, f"{self.at(name)}[{at}]", "an object"), f"{self.at(name)}[{at}]")
            for at, each in enumerate(self._get(name, list, "a list", []))
        ]

    def texts(self, name: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        if not self.has(name):
            return ()
        value = self.values[name]
        many = value if isinstance(value, list) else [value]
        return tuple(clean(_is(each, str, self.at(name), "a text or texts")) for each in many)

    def has(self, name: str) -> bool:
        """Whether there is a value; null is none."""
        return self.values.get(name) is not None

    def at(self, name: str) -> str:
        """Where the field of this name stands."""
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, wanted: str) -> BadRequest:
        """The complaint about a field."""
        return BadRequest(f"{self.at(name)} must be {wanted}.", self.at(name))

    def _get(self, name: str, kind: type[Read], words: str, default: Read | None) -> Read:
        value = self.values.get(name)
        if value is None:
            if default is None:
                raise BadRequest(f"{self.at(name)} is missing: {words}.", self.at(name))
            return default
        return _is(value, kind, self.at(name), words)


def read(body: bytes) -> Item:
    """The object that a body is.

    Raises:
        BadRequest: it is no JSON object, or nested deeper than any honest one.
    """
    try:
        value = json.loads(body, parse_constant=_refuse)
    except RecursionError as error:
        raise BadRequest(_TOO_DEEP) from error
    except ValueError as error:
        raise BadRequest("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    if any(depth > DEEPEST for depth in _depths(value)):
        raise BadRequest(_TOO_DEEP)
    return Item(value)


def clean(text: str) -> str:
    """The text with half characters (lone surrogates, which JSON can spell) replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _depths(value: object) -> Iterator[int]:
    rest: list[tuple[object, int]] = [(value, 1)]
    while rest:
        each, depth = rest.pop()
        yield depth
        if depth > DEEPEST:
            return
        match each:
            case dict():
                rest += [(inner, depth + 1) for inner in each.values()]
            case list():
                rest += [(inner, depth + 1) for inner in each]


def _is(value: object, kind: type[Read], path: str, words: str) -> Read:
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise BadRequest(f"{path} must be {words}.", path)
    return value


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
