"""A program that holds a model until its input ends: `python -m tests.store.holder HOME REFERENCE`.

With a third word it commits that text as a blob first.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.store.models import commit, reference_of, store_at


def main(home: Path, reference: str, contents: list[str]) -> None:
    store = store_at(home)
    with store.hold(reference_of(reference)):
        for content in contents:
            commit(store, content.encode())
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
