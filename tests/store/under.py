"""A program that installs a model under a hardship, and prints what a person is told.

python -m tests.store.under full|foreign HOME
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import herd.pieces  # noqa: F401  # the other user may not be able to read this Python
from herd.errors import HerdError
from tests.store.models import install, model, store_at


def main(hardship: str, home: Path) -> None:
    contents = {"m.gguf": b""}
    if hardship == "full":
        # Every write fails as on a full disk, and files of no bytes still fit.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    elif os.geteuid() == 0:
        os.setuid(65534)
    try:
        install(store_at(home), model("tiny:q4", contents), contents)
    except HerdError as error:
        # stderr is a pipe, and no file that could be too large.
        sys.stderr.write(f"{error.exit_code} {error.message}\n")
    else:
        sys.stderr.write("0 installed\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
