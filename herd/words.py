"""Numbers in people's words, and strangers' words made harmless.

Sizes are decimal, as disks and networks are sold. Texts of models, registries and servers
are strangers' texts: a control character in one of them could move the cursor, rename the
window or paste into the shell.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""C0 and C1 but for tab and newline (ECMA-48), and what turns the direction of text around."""

_BEYOND = 2.0**63


def plain(text: str) -> str:
    """The text without control characters; tabs and newlines stay."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return plain(" ".join(text.split()))


def size(count: int | None) -> str:
    """Bytes in words: `98.4 MB`, `4.21 GB`; `?` when nobody knows."""
    if count is None:
        return "?"
    if count < 1_000:
        return f"{count} B"
    if count < 999_950:
        return f"{count / 1e3:.1f} kB"
    if count < 999_950_000:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e9:.2f} GB"


def rate(bytes_per_second: float) -> str:
    """A rate in words: `12.3 MB/s`."""
    return f"{size(int(bytes_per_second))}/s"


def duration(seconds: float | None) -> str:
    """Seconds in words: `8 s`, `3 min 20 s`, `2 h 5 min`; `?` when nobody knows."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def took(seconds: float) -> str:
    """How long something took, to go with a rate: `1.4 s`, and `12 s` from 10 s on."""
    return f"{seconds:.1f} s" if seconds < 9.95 else duration(seconds)


def count(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun: `1 turn`, `3 turns`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def sentence(text: str) -> str:
    """The text with a full stop, where it ends without any stop."""
    return text if text.endswith((".", "!", "?", "…", ":")) else f"{text}."


def nearest(wrong: str, known: list[str]) -> str:
    """`did you mean x, y or z?`, or an empty text when nothing is near."""
    import difflib

    near = difflib.get_close_matches(wrong, known, n=3, cutoff=0.5)
    if not near:
        return ""
    *most, last = near
    return f"did you mean {', '.join(most) + ' or ' if most else ''}{last}?"


def bytes_of(text: str) -> int | None:
    """Bytes as a person writes them: `500k`, `2.5MB`, `1 GB/s`; None when it does not read.

    As little does what no file and no line has: 2^63 and more.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?(?:/s)?\s*", text.lower())
    if match is None:
        return None
    found = float(match.group(1)) * 1000 ** ("kmgt".find(match.group(2) or "-") + 1)
    return int(found) if found < _BEYOND else None
