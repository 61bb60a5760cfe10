"""What a value of a registry may be: each rule reads a field or says what is wrong with it.

Every rule is the lesson of a registry that went wrong: made-up digests, revisions that
moved, sizes typed from memory, shortened links that outlived their service.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from herd.magnet import MOST_NAME_CHARACTERS, flaw
from herd.model import Sha256, is_file_name, is_name, is_sha256
from herd.registry.document import Field, refuse_unknown, shown
from herd.registry.texts import REVISION

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

MOST_CHARACTERS = 1000
"""Of a text that people read on one line or two."""
MOST_TEMPLATE_CHARACTERS = 64 * 1024
MOST_ITEMS = 1000

SHA256_OF_NOTHING = hashlib.sha256(b"").hexdigest()


def line(field: Field) -> str:
    """A text on one line."""
    text = field.text().strip()
    if not text:
        raise field.wrong("is blank.")
    if "\n" in text:
        raise field.wrong("must be on one line.")
    if len(text) > MOST_CHARACTERS:
        raise field.wrong(f"is longer than {MOST_CHARACTERS} characters.")
    return text


def passage(field: Field) -> str:
    """A text of any number of lines, kept as it stands."""
    text = field.text()
    if len(text) > MOST_TEMPLATE_CHARACTERS:
        raise field.wrong(f"is longer than {MOST_TEMPLATE_CHARACTERS} characters.")
    return text


def listed(read: Callable[[Field], T]) -> Callable[[Field], tuple[T, ...]]:
    """The rule for a list of which each item follows another rule."""

    def read_list(field: Field) -> tuple[T, ...]:
        items = field.items()
        if len(items) > MOST_ITEMS:
            raise field.wrong(f"has more than {MOST_ITEMS} items.")
        return tuple([read(item) for item in items])

    return read_list


def one_of(words: type[Word]) -> Callable[[Field], Word]:
    """The rule for one of a closed list of words."""
    known = {word.value: word for word in words}

    def read_word(field: Field) -> Word:
        text = field.text()
        if text not in known:
            refuse_unknown(field, f"cannot be {shown(text)!r}", text, list(known))
        return known[text]

    return read_word


def between(low: int, high: int) -> Callable[[Field], int]:
    """The rule for a whole number from `low` to `high`."""

    def read_whole(field: Field) -> int:
        number = field.whole()
        if not low <= number <= high:
            raise field.wrong(f"must be from {low} to {high}, not {number}.")
        return number

    return read_whole


def real(low: float, high: float) -> Callable[[Field], float]:
    """The rule for a number from `low` to `high`."""

    def read_number(field: Field) -> float:
        number = field.number()
        if not low <= number <= high:
            raise field.wrong(f"must be from {low:g} to {high:g}, not {number:g}.")
        return number

    return read_number


def size(field: Field) -> int:
    """Bytes: at least one, at most 64 TiB."""
    return between(1, 1 << 46)(field)


def name(field: Field) -> str:
    """The name of a model, given as a value."""
    text = field.text()
    if not is_name(text):
        raise field.wrong(f"{shown(text)!r} cannot name a model.", HOW_TO_NAME)
    return text


def key_name(field: Field) -> str:
    """The name of a model or a variant, given as a key."""
    if not is_name(field.key):
        raise field.wrong("cannot name a model, a variant or a template.", HOW_TO_NAME)
    return field.key


HOW_TO_NAME = (
    "A name has up to 64 lower-case letters, digits, dots, dashes and underscores, "
    "and begins with a letter or a digit."
)


def file_name(field: Field) -> str:
    """The name of a file: no folder in it, and safe on every platform."""
    text = field.text()
    if not is_file_name(text):
        raise field.wrong(f"{shown(text)!r} is not safe as the name of a file everywhere.")
    return text


def inner_path(field: Field) -> str:
    """A path inside a repository or a wheel: relative, and never out of it."""
    text = field.text()
    if len(text) > MOST_CHARACTERS or not all(is_file_name(part) for part in text.split("/")):
        raise field.wrong(f"{shown(text)!r} is not a plain path inside a repository or a wheel.")
    return text


def digest(field: Field) -> Sha256:
    """A sha256, and not one that somebody put there to fill the place."""
    text = field.text()
    if not is_sha256(text):
        raise field.wrong(f"must be 64 lower-case hex digits, not {shown(text)!r}.", _HASH_HINT)
    refuse_placeholder(field, text)
    if text == SHA256_OF_NOTHING:
        raise field.wrong("is the sha256 of an empty file.", _HASH_HINT)
    return Sha256(text)


_HASH_HINT = "`sha256sum FILE` prints it; a value that nobody computed must not be here."


def refuse_placeholder(field: Field, text: str) -> None:
    """Refuse a hash of one digit repeated."""
    if len(set(text)) == 1:
        raise field.wrong("is a placeholder: one digit, repeated.", _HASH_HINT)


def revision(field: Field) -> str:
    """A commit of 40 hex digits: what a branch names moves."""
    text = field.text()
    if not REVISION.fullmatch(text):
        raise field.wrong(
            f"must be a commit of 40 lower-case hex digits, not {shown(text)!r}.",
            "A branch such as main moves, and its bytes with it.",
        )
    refuse_placeholder(field, text)
    return text


def address(*schemes: str) -> Callable[[Field], str]:
    """The rule for an address with one of these schemes."""

    def read_address(field: Field) -> str:
        text = field.text()
        if why := flaw(text, schemes):
            raise field.wrong(f"{shown(text)!r} {why}.")
        return text

    return read_address


web = address("https", "http")
"""The rule for an address that HTTP reaches."""


def display_name(field: Field) -> str:
    """What a swarm calls itself."""
    text = line(field)
    if len(text) > MOST_NAME_CHARACTERS:
        raise field.wrong(f"is longer than {MOST_NAME_CHARACTERS} characters.")
    return text
