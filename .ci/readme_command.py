"""Print the n-th set-up command of the README, so that CI runs what people are told to run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

MARKERS = {"try": "<!-- command: try -->", "test": "<!-- command: test -->"}


def command(readme: str, name: str) -> str:
    """The fenced block that follows the marker of this name."""
    _, _, rest = readme.partition(MARKERS[name])
    found = re.match(r"\s*```sh\n(.*?)\n```", rest, re.DOTALL)
    if found is None:
        sys.exit(f"README.md has no command after {MARKERS[name]}")
    return found.group(1)


if __name__ == "__main__":
    readme = Path(__file__).parent.parent / "README.md"
    sys.stdout.write(command(readme.read_text(encoding="utf-8"), sys.argv[1]) + "\n")
