"""YAML, read strictly: a document becomes sections and fields that know where they stand.

The only module that speaks to PyYAML, and only to its composer: no value is ever made by
YAML's own rules, in which `no` is false and 1:30 is ninety. A field is read as what the
schema expects there, so `parameters: 7` is the text 7 and `updated: 2026-11-24` no date.

Refused, because each hides what a person sees or costs without end: a key that stands
twice, anchors, aliases, merge keys, tags, keys that are no texts, control characters,
deep nesting, very large documents. Whatever is wrong is a RegistryError that begins with
`file:line: path:`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

import yaml

from herd.errors import RegistryError
from herd.registry.limits import MOST_BYTES
from herd.words import nearest

T = TypeVar("T")

MOST_NODES = 1_000_000
"""Of 10,000 models. MOST_BYTES can hold eight million, each of 600 bytes in memory."""
MOST_LEVELS = 32
"""The schema needs eleven. PyYAML's composer is recursive, and a stack has an end."""

_IMPLICIT = "\0implicit"
"""The tag of every node that carries none; compared by identity, so none can be written."""
_MAY_BE_ANCHOR = re.compile(r"""(?:^|[\s\[\]{},:"'])[&*][\w-]""")
"""Every anchor and alias is like this, and a few texts are."""
_NO_TEXT = re.compile(r"|~|null|true|false|yes|no|on|off|[-+.]?[0-9][0-9.e_]*", re.IGNORECASE)
"""Plain scalars that other readers of YAML take for something else than a text."""
_UNSHOWN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the cursor or turns the text around; a line break is not among them."""
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_FLAG = re.compile("true|false")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


class Field:
    """A value of a document, and where it stands."""

    __slots__ = ("_inside", "_node", "key", "line")

    def __init__(self, node: yaml.Node, key: str, line: int, inside: Field | str) -> None:
        self._node = node
        self._inside = inside
        self.key = key
        """The key under which it stands, or its number in a list."""
        self.line = line
        """Of the key; the first line is 1."""

    @property
    def origin(self) -> str:
        """The file, as the person knows it."""
        return self._inside if isinstance(self._inside, str) else self._inside.origin

    @property
    def path(self) -> str:
        """The keys from the top to here: `models.alpaca-7b.variants`."""
        if isinstance(self._inside, str):
            return ""
        above, own = self._inside.path, shown(self.key)
        return f"{above}{'.' if above and not own.startswith('[') else ''}{own}"

    def wrong(self, why: str, hint: str | None = None) -> RegistryError:
        """The error that says what is wrong with this field."""
        where = f"{self.origin}:{self.line}: "
        return RegistryError(f"{where}{self.path}{': ' if self.path else ''}{why}", hint)

    @property
    def is_text(self) -> bool:
        """Whether it is neither a list nor a mapping."""
        return isinstance(self._node, yaml.ScalarNode)

    def text(self) -> str:
        """The value as a text, whichever way it was written."""
        value: str = self._value(yaml.ScalarNode, "a text")
        if not value or (value.lower() in ("~", "null") and not self._is_quoted):
            raise self.wrong("is empty.", "Give it a value, or leave the key out.")
        if not value.isprintable() and (found := _UNSHOWN.search(value)):
            raise self.wrong(f"has the character U+{ord(found[0]):04X}, which cannot be shown.")
        return value

    def whole(self) -> int:
        """The value as a whole number, zero or more."""
        return int(self._plain(_WHOLE, "a whole number, in digits alone"))

    def number(self) -> float:
        """The value as a number: `0.7`."""
        return float(self._plain(_NUMBER, "a number, such as 0.7"))

    def flag(self) -> bool:
        """The value as `true` or `false`."""
        return self._plain(_FLAG, "true or false") == "true"

    def items(self) -> list[Field]:
        """The items of a list."""
        nodes = self._value(yaml.SequenceNode, "a list")
        return [
            Field(node, f"[{number}]", node.start_mark.line + 1, self)
            for number, node in enumerate(nodes)
        ]

    def section(self) -> Section:
        """The keys and values of a mapping."""
        fields: dict[str, Field] = {}
        for key_node, node in self._value(yaml.MappingNode, "a mapping (key: value)"):
            field = Field(node, self._key(key_node), key_node.start_mark.line + 1, self)
            if field.key in fields:
                first = fields[field.key].line
                raise field.wrong(f"stands here a second time; the first is in line {first}.")
            fields[field.key] = field
        return Section(self, fields)

    def _value(self, kind: type[yaml.Node], wanted: str) -> Any:
        """What a node of this kind holds. Any: the stubs say so of every node's value."""
        node = self._node
        if node.tag is not _IMPLICIT:
            raise self.wrong(f"carries the tag {shown(node.tag)}.", "A registry has no tags.")
        if not isinstance(node, kind):
            raise self.wrong(f"must be {wanted}, not {_kind(node)}.")
        return node.value

    @property
    def _is_quoted(self) -> bool:
        return bool(getattr(self._node, "style", None))

    def _plain(self, form: re.Pattern[str], wanted: str) -> str:
        value: str = self._value(yaml.ScalarNode, wanted)
        if self._is_quoted or not form.fullmatch(value):
            raise self.wrong(f"must be {wanted}, not {shown(value)!r}.")
        return value

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag is not _IMPLICIT:
            raise Field(node, "?", node.start_mark.line + 1, self).wrong("a key must be a text.")
        key: str = node.value
        if not _is_key(key, not node.style):
            why = "merges another mapping." if key == "<<" else "as a key is no text."
            hint = "Write every key out, in quotes if it looks like a number or a truth."
            raise Field(node, key, node.start_mark.line + 1, self).wrong(why, hint)
        return key


class Section:
    """The keys and values of a mapping."""

    __slots__ = ("field", "fields")

    def __init__(self, field: Field, fields: dict[str, Field]) -> None:
        self.field = field
        """Where the mapping stands."""
        self.fields = fields
        """By key, in the order of the document."""

    def must(self, key: str, read: Callable[[Field], T]) -> T:
        """The value of a key that has to be there."""
        if (found := self.fields.get(key)) is None:
            raise self.field.wrong(f"the key {key} is missing.")
        return read(found)

    def maybe(self, key: str, read: Callable[[Field], T]) -> T | None:
        """The value of a key, None when it is not there."""
        return None if (found := self.fields.get(key)) is None else read(found)

    def only(self, known: Set[str]) -> None:
        """Refuse every other key, naming the nearest of the known ones."""
        if self.fields.keys() <= known:
            return
        for key, field in self.fields.items():
            if key not in known:
                refuse_unknown(field, "is not a key that herd knows", key, sorted(known))


@lru_cache(maxsize=4096)  # a few dozen keys stand in every model
def _is_key(key: str, is_plain: bool) -> bool:
    if not key or key == "<<" or _UNSHOWN.search(key) or "\n" in key:
        return False
    return not (is_plain and _NO_TEXT.fullmatch(key))


def refuse_unknown(field: Field, why: str, word: str, known: Sequence[str]) -> NoReturn:
    """Raise an error that names the nearest of the words that would have been right."""
    near = nearest(word[:64], list(known))
    raise field.wrong(f"{why}{'; ' + near if near else '.'}", f"Known here: {', '.join(known)}.")


def shown(text: str) -> str:
    """A text from the document as a message may show it: short, on one line, harmless."""
    clean = _UNSHOWN.sub("?", text).replace("\n", " ")
    return clean if len(clean) <= 64 else clean[:63] + "…"


def read(content: bytes, origin: str) -> Section:
    """The top section of a document.

    Args:
        content: UTF-8.
        origin: The name of the file, for messages.

    Raises:
        RegistryError: it is no document of the strict kind that is described above.
    """
    if len(content) > MOST_BYTES:
        raise RegistryError(f"{origin}:1: is larger than {MOST_BYTES >> 20} MiB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RegistryError(f"{origin}:{line}: is not UTF-8.") from error
    return section(text, origin)


def section(text: str, origin: str) -> Section:
    """The top section of a document, or of a part that is a document of its own.

    Raises:
        RegistryError: it is no document of the strict kind that is described above.
    """
    try:
        _refuse_anchors(text, origin)
        node = _compose(text)
    except yaml.YAMLError as error:
        raise _wrapped(error, origin) from error
    if node is None:
        raise RegistryError(f"{origin}:1: is empty.")
    return Field(node, "", node.start_mark.line + 1, origin).section()


Plain = str | list["Plain"] | dict[str, "Plain"]
"""A foreign document: every scalar is a text."""


def foreign(content: bytes, origin: str) -> Plain:
    """A document of other programs, in which anchors, aliases and merge keys are usual.

    An alias is the same object again, never a copy, so nothing multiplies; tags mean
    nothing.

    Raises:
        RegistryError: it is no YAML, or has no end.
    """
    if len(content) > MOST_BYTES:
        raise RegistryError(f"{origin}:1: is larger than {MOST_BYTES >> 20} MiB.")
    try:
        node = _compose(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RegistryError(f"{origin}:1: is not UTF-8.") from error
    except yaml.YAMLError as error:
        raise _wrapped(error, origin) from error
    if node is None:
        raise RegistryError(f"{origin}:1: is empty.")
    return _plain(node, origin, {})


def _plain(node: yaml.Node, origin: str, known: dict[int, Plain | None]) -> Plain:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if id(node) in known:
        seen = known[id(node)]
        if seen is None:
            line = node.start_mark.line + 1
            raise RegistryError(f"{origin}:{line}: has an alias that leads into itself.")
        return seen
    known[id(node)] = None
    made: Plain
    if isinstance(node, yaml.SequenceNode):
        made = [_plain(each, origin, known) for each in node.value]
    else:
        made = _merged([(str(key.value), _plain(each, origin, known)) for key, each in node.value])
    known[id(node)] = made
    return made


def _merged(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    """A mapping with what its merge keys bring; its own keys go before those."""
    merged: dict[str, Plain] = {}
    for key, value in pairs:
        sources = value if isinstance(value, list) else [value]
        for source in reversed(sources if key == "<<" else []):
            merged |= source if isinstance(source, dict) else {}
    return merged | {key: value for key, value in pairs if key != "<<"}


class _Endless(yaml.YAMLError):
    """The document nests too deep or has too many nodes."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


class _Strict:
    """What replaces YAML's guessing of types in either composer of PyYAML."""

    depth = 0
    nodes = 0

    def resolve(self, _kind: object, _value: object, _implicit: object) -> str:
        return _IMPLICIT

    def descend_resolver(self, parent: yaml.Node | None, _index: object) -> None:
        self.depth += 1
        self.nodes += 1
        if self.depth > MOST_LEVELS or self.nodes > MOST_NODES:
            line = parent.start_mark.line + 1 if parent is not None else 1
            raise _Endless("nests too deep" if self.depth > MOST_LEVELS else "is too large", line)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _PythonComposer(_Strict, yaml.SafeLoader):
    """Ten times slower than libyaml's, and there wherever PyYAML is."""


_composer: Any = _PythonComposer
"""Any: the stubs know a class either as C's or as Python's, and this is one of the two."""
if yaml.__with_libyaml__:

    class _NativeComposer(_Strict, yaml.CSafeLoader):
        """libyaml's."""

    _composer = _NativeComposer


def _compose(text: str) -> yaml.Node | None:
    composer = _composer(text)
    try:
        node: yaml.Node | None = composer.get_single_node()
        return node
    finally:
        composer.dispose()


def _refuse_anchors(text: str, origin: str) -> None:
    """Nodes do not tell that an anchor was there, events do; they take as long again."""
    if not (("&" in text or "*" in text) and _MAY_BE_ANCHOR.search(text)):
        return
    for event in yaml.parse(text, Loader=_composer):
        if getattr(event, "anchor", None) is not None:
            line = 1 if event.start_mark is None else event.start_mark.line + 1
            raise RegistryError(
                f"{origin}:{line}: has an anchor or an alias (& or *).",
                "Write the value out; a text that begins with & or * needs quotes.",
            )


def _wrapped(error: yaml.YAMLError, origin: str) -> RegistryError:
    if isinstance(error, _Endless):
        return RegistryError(f"{origin}:{error.line}: {error}.")
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        said = " ".join(filter(None, (error.context, error.problem)))
        return RegistryError(f"{origin}:{line}: is not YAML: {said}.")
    first = str(error).partition("\n")[0]
    return RegistryError(f"{origin}:1: is not YAML: {shown(first)}.")


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a text"
