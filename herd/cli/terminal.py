"""What may be written to a terminal, and how wide and how coloured it is.

Texts of models, registries and servers are strangers' texts: a control character in
one of them could move the cursor, rename the window or paste into the shell.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""C0 and C1 but for tab and newline (ECMA-48)."""


def plain(text: str) -> str:
    """The text without control characters; tabs and newlines stay."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return plain(" ".join(text.split()))


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at this stream; a closed one has no reader."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def is_interactive() -> bool:
    """Whether a question can be asked: it is read on stderr and answered on stdin."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def styled(text: str, codes: str, stream: TextIO) -> str:
    """The text in a style (SGR codes, as `1` or `1;31`) where the stream shows styles.

    NO_COLOR and TERM=dumb are respected.
    """
    if not text or not is_terminal(stream):
        return text
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{codes}m{text}\x1b[0m"


BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "1;31", "32", "33"
