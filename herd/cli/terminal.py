"""What may be written to a terminal, and how wide and how coloured it is."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from herd.words import one_line as one_line
from herd.words import plain as plain


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
