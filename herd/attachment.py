"""A text file put into a question, in a fence that its content cannot close."""

from __future__ import annotations

import re
from pathlib import Path

from herd import disk
from herd.errors import BadUsage
from herd.places import expanded
from herd.words import one_line, size

LARGEST = 256 * 1024
"""Bytes; more than any context of a small model holds."""


def attached(path: Path) -> str:
    """The file as Markdown: its name and its content.

    Raises:
        BadUsage: it cannot be read, is no text, or is too large to be asked about.
    """
    try:
        with disk.ordinary(expanded(path)) as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadUsage(f"{path} cannot be read: {reason}.", "Name a text file.") from error
    if len(content) > LARGEST:
        raise BadUsage(f"{path} is larger than {size(LARGEST)}.", "Attach the part that matters.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadUsage(f"{path} is not a text file.", "herd can attach UTF-8 text.") from error
    if "\x00" in text:
        raise BadUsage(f"{path} is not a text file.", "herd can attach UTF-8 text.")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{one_line(path.name)}:\n\n{fence}\n{text.rstrip()}\n{fence}\n"
