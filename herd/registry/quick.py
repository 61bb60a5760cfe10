"""Large registries, read quickly where they are written as herd itself writes them.

YAML alone takes a second for ten thousand models, and asking each of its nodes another. So a
model that stands in the plain form (the keys in the order of docs/registry-format.md, one
value to a line, one file to a variant) is read by regular expressions that accept less than
the strict reader does; a model in another form is composed alone and read strictly. What
neither takes leaves no result at all: then the strict reader reads the whole document and says
what is wrong with it, and where. Nothing here ever says so itself.

Why a part may be read alone: each of its lines is blank or begins with two blanks, and its
first key stands at two. Where the part before it reads as a document of its own, no quote,
bracket or block of that is still open here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from herd.errors import RegistryError
from herd.magnet import flaw
from herd.model import (
    File,
    HfSource,
    Licence,
    Model,
    Sampling,
    Sha256,
    Source,
    UrlSource,
    Variant,
    is_file_name,
    is_name,
)
from herd.registry import document, schema
from herd.registry.layer import Layer
from herd.registry.limits import MOST_BYTES
from herd.registry.rules import MOST_CHARACTERS, SHA256_OF_NOTHING
from herd.registry.schema import Context
from herd.registry.shape import ModelRole
from herd.registry.texts import REPOSITORY
from herd.registry.variants import SHARD

_NAME = r"[a-z0-9][a-z0-9._-]*+"
_KEY = rf"(?!(?:null|true|false|yes|no|on|off|[0-9][0-9.e_]*+):){_NAME}"
_TEXT = r"""(?:
    "[^"\\\n]*+" | '[^'\n]*+'
    | (?!(?i:null)\n)[A-Za-z0-9(][^\n:\#]*+(?:(?::(?=[^ \n])|(?<=[^ ])\#)[^\n:\#]*+)*+(?<![ ])
)"""
"""In quotes without escapes; or plain, without `: `, without ` #`, and with no blank at its end."""


def _either(form: str) -> str:
    """The form, or the same in quotes."""
    return rf'("{form}"|{form})'


_FILE_NAME = _either("[A-Za-z0-9][A-Za-z0-9._+()-]*+")
_PATH = _either("[A-Za-z0-9][A-Za-z0-9._+()/-]*+")
_ADDRESS = _either("https?://[A-Za-z0-9._~:/?=&%+-]++(?<!:)")
_REPOSITORY = _either(REPOSITORY.pattern)

_MODEL = re.compile(
    rf"""
    [ ]{{2}}({_KEY}):\n
    [ ]{{4}}title:[ ]({_TEXT})\n
    (?:[ ]{{4}}aliases:[ ]\[({_NAME}(?:,[ ]{_NAME})*+)\]\n)?
    (?:[ ]{{4}}family:[ ]({_TEXT})\n)?
    (?:[ ]{{4}}parameters:[ ]({_TEXT})\n)?
    (?:[ ]{{4}}role:[ ]({"|".join(ModelRole)})\n)?
    (?:[ ]{{4}}summary:[ ]({_TEXT})\n)?
    ([ ]{{4}}licence:(?:[ ][^\n]*+\n|\n(?:[ ]{{6}}[^\n]*+\n)++))
    (?:[ ]{{4}}context:[ ]([0-9]{{1,9}})\n)?
    [ ]{{4}}default:[ ]({_NAME})\n
    [ ]{{4}}variants:\n
    """,
    re.VERBOSE | re.ASCII,
)
_VARIANT = re.compile(
    rf"""
    [ ]{{6}}({_KEY}):\n
    (?:[ ]{{8}}quantisation:[ ]({_TEXT})\n)?
    [ ]{{8}}files:\n
    [ ]{{8}}-[ ]name:[ ]{_FILE_NAME}\n
    (?:[ ]{{10}}size:[ ]([0-9]{{1,14}})\n)?
    [ ]{{10}}sha256:[ ]([0-9a-f]{{64}})\n
    [ ]{{10}}sources:\n
    ((?:[ ]{{10}}-[ ][^\n]++\n(?:[ ]{{12}}[^\n]++\n)*+)++)
    """,
    re.VERBOSE | re.ASCII,
)
_SOURCE = re.compile(
    rf"""
    [ ]{{10}}-[ ](?:
        hf:[ ]{_REPOSITORY}\n
        [ ]{{12}}revision:[ ]([0-9a-f]{{40}})\n
        [ ]{{12}}path:[ ]{_PATH}\n
    |
        url:[ ]{_ADDRESS}\n
    )
    """,
    re.VERBOSE | re.ASCII,
)
_BLANK = re.compile(r"(?:[ ]*+(?:(?<=[ ])#[^\n]*+)?\n)*+")
"""Blank lines and comments that are indented."""
_NEXT = re.compile(r"^  (?=[^ \n#])", re.MULTILINE)
_OUTSIDE = re.compile(r"^ ?[^ \n]", re.MULTILINE)
"""A line that belongs to no model."""
_PRINTED = bytes(range(0x20, 0x7F)) + b"\n"
_MOST_NODES_OF = {"\n": 2, "- ": 2, "? ": 2, ",": 3, "[": 4, "{": 4}
"""How many nodes each of these may begin."""
_MOST_SIZE = 1 << 46
_MOST_CONTEXT = 1 << 24
_MOST_SOURCES = 100
_NO_DIGESTS = {SHA256_OF_NOTHING} | {digit * 64 for digit in "0123456789abcdef"}
_NO_SAMPLING = Sampling()


class _Doubt(Exception):
    """Only the strict reader can tell."""


def read(content: bytes, origin: str, fallback_name: str | None = None) -> Layer:
    """What a registry offers; the same as `schema.read`, sooner.

    Args:
        content: The document.
        origin: The file, for messages.
        fallback_name: The name of the registry when it gives none.

    Raises:
        RegistryError: the document does not read; nothing of it is used.
    """
    found = attempt(content, origin, fallback_name)
    return schema.read(content, origin, fallback_name) if found is None else found


def attempt(content: bytes, origin: str, fallback_name: str | None = None) -> Layer | None:
    """What a registry offers; None where only the strict reader can tell."""
    try:
        text = _text(content)
        head, mark, _ = text.partition("\nmodels:\n")
        top = document.section(f"{head}\nmodels: {{}}\n", origin)
        context = schema.begin(top, origin, fallback_name)
        models = list(_Reading(text, len(head) + len(mark), context).models())
    except (_Doubt, RegistryError):
        return None
    return schema.layer(origin, context, models)


def _text(content: bytes) -> str:
    """The document, if all of it can be shown and it is surely not too large."""
    if len(content) > MOST_BYTES:
        raise _Doubt
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Doubt from error
    is_shown = not content.translate(None, _PRINTED) or text.replace("\n", "").isprintable()
    nodes = sum([text.count(mark) * most for mark, most in _MOST_NODES_OF.items()])
    if not is_shown or nodes > document.MOST_NODES:
        raise _Doubt
    return text


class _Reading:
    """The models of one document, read once from the first to the last."""

    def __init__(self, text: str, begin: int, context: Context) -> None:
        self._text = text
        self._at = begin
        self._context = context
        self._sizes: dict[Sha256, int] = {}
        self._licences: dict[str, Licence] = {}
        """By how they are written."""
        self._line = 1 + text.count("\n", 0, begin)
        """Of the place up to which lines are counted."""
        self._counted = begin

    def models(self) -> Iterator[Model]:
        """Every model, in the order of the document.

        Raises:
            _Doubt, RegistryError: only the strict reader can tell.
        """
        at = self._next(self._at)
        while at is not None:
            self._line += self._text.count("\n", self._counted, at)
            self._counted = at
            model, at = self._plain(at) or self._composed(at)
            for variant in model.variants:
                self._agree(variant)
            yield model

    def _next(self, end: int) -> int | None:
        """Where the model after this place begins; None: there is none.

        Raises:
            _Doubt: here is neither the end of a model nor the end of the document.
        """
        found = _BLANK.match(self._text, end)
        at = found.end() if found else end
        if at == len(self._text):
            return None
        if not _NEXT.match(self._text, at):
            raise _Doubt
        return at

    def _plain(self, begin: int) -> tuple[Model, int | None] | None:
        """A model in the plain form and where the next one begins."""
        found = _MODEL.match(self._text, begin)
        if found is None:
            return None
        name, title, aliases, family, size, role, summary, terms, context, default = found.groups()
        try:
            variants, end = self._variants(found.end(), default)
            after = self._next(end)
            model = Model(
                name=name,
                title=_said(title),
                variants=variants,
                default=default,
                licence=self._licence(terms),
                aliases=tuple(aliases.split(", ")) if aliases else (),
                family=_said(family) if family else None,
                parameters=_said(size) if size else None,
                role=role or ModelRole.CHAT.value,
                summary=_said(summary) if summary else "",
                context=_between(context, _MOST_CONTEXT) if context else None,
                sampling=_NO_SAMPLING,
                registry=self._context.registry,
            )
        except _Doubt:
            return None
        self._claim(name, self._line)
        for alias in model.aliases:
            self._claim(alias, self._line + 2)
        return model, after

    def _variants(self, at: int, default: str) -> tuple[tuple[Variant, ...], int]:
        """The variants that stand here in the plain form, and where they end."""
        made: dict[str, Variant] = {}
        while found := _VARIANT.match(self._text, at):
            name, quantisation, file, size, digest, sources = found.groups()
            file = file.strip('"')
            is_sound = name not in made and is_name(name) and digest not in _NO_DIGESTS
            if not is_sound or not _is_gguf(file):
                raise _Doubt
            bytes_of_it = _between(size, _MOST_SIZE) if size else None
            its = (File(file, _sources(sources), bytes_of_it, Sha256(digest)),)
            said = _said(quantisation) if quantisation else None
            made[name] = Variant(name, its, quantisation=said)
            at = found.end()
        if default not in made:
            raise _Doubt
        return tuple(made.values()), at

    def _licence(self, raw: str) -> Licence:
        """The licence of these lines; few are in a registry, and each in many models."""
        if raw not in self._licences:
            section = document.section(raw, "")
            self._licences[raw] = section.must("licence", schema.licence)
        return self._licences[raw]

    def _composed(self, begin: int) -> tuple[Model, int | None]:
        """A model in any other form, and where the next one begins."""
        found = _NEXT.search(self._text, begin + 1)
        end = found.start() if found else len(self._text)
        part = self._text[begin:end]
        fields = list(document.section(part, "").fields.values())
        if len(fields) != 1 or _OUTSIDE.search(part):
            raise _Doubt
        lines: dict[str, int] = {}
        model = schema.model(fields[0], replace(self._context, lines=lines))
        for name, line in lines.items():
            self._claim(name, self._line + line - 1)
        return model, None if found is None else end

    def _claim(self, name: str, line: int) -> None:
        """Take a name that nothing else in the document has."""
        if name in self._context.lines or name == "null" or not is_name(name):
            raise _Doubt
        self._context.lines[name] = line

    def _agree(self, variant: Variant) -> None:
        """The same bytes have one size."""
        for file in variant.files:
            if (
                file.sha256
                and file.size
                and self._sizes.setdefault(file.sha256, file.size) != file.size
            ):
                raise _Doubt


def _said(raw: str) -> str:
    """A text on one line, as `rules.line` reads it."""
    text = raw[1:-1].strip() if raw[0] in "\"'" else raw
    if not text or len(text) > MOST_CHARACTERS:
        raise _Doubt
    return text


def _between(digits: str, most: int) -> int:
    number = int(digits)
    if not 1 <= number <= most:
        raise _Doubt
    return number


def _is_gguf(name: str) -> bool:
    """Whether this alone is a model: no shard, and of the format that needs no word."""
    return is_file_name(name) and name[-5:].lower() == ".gguf" and not SHARD.fullmatch(name)


def _sources(raw: str) -> tuple[Source, ...]:
    made: list[Source] = []
    at = 0
    while at < len(raw):
        found = _SOURCE.match(raw, at)
        if found is None or len(made) == _MOST_SOURCES:
            raise _Doubt
        made.append(_source(*found.groups()))
        at = found.end()
    if len(made) > 1 and len(set(made)) < len(made):
        raise _Doubt
    return tuple(made)


def _source(repo: str | None, revision: str, path: str, url: str) -> Source:
    if repo is None:
        url = url.strip('"')
        if flaw(url, ("https", "http")):
            raise _Doubt
        return UrlSource(url)
    repo, path = repo.strip('"'), path.strip('"')
    is_inside = len(path) <= MOST_CHARACTERS and all(map(is_file_name, path.split("/")))
    if ".." in repo or revision == revision[0] * 40 or not is_inside:
        raise _Doubt
    return HfSource(repo, revision, path)
