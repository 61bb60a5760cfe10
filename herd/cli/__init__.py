"""The command line: words in, the core called, words out.

Nothing is imported here that a command might not need; `main` brings the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from herd.core import Herd


def main(arguments: Sequence[str] | None = None, make: Callable[[], Herd] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What was typed after `herd`; by default what the process was given.
        make: Makes the herd; tests give another.

    Returns:
        The exit code.
    """
    try:
        from herd.cli.entry import run
    except KeyboardInterrupt:  # a command is typed and taken back while Python still imports
        sys.stderr.write("herd: Interrupted.\n")
        return 130

    return run(arguments, make)
