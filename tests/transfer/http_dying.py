"""A process that fetches a file over HTTP until it is whole, or until it is killed.

python -m tests.transfer.http_dying URL SIZE SHA256 PART
"""

from __future__ import annotations

import sys
from pathlib import Path

from herd.errors import HerdError
from herd.model import File, Sha256, UrlSource
from herd.staging import Staged
from herd.transfer.carrier import Wish
from herd.transfer.download import HttpCarrier


def main(url: str, size: str, sha256: str, part: str) -> None:
    source = UrlSource(url)
    file = File("model.gguf", (source,), int(size), Sha256(sha256))
    try:
        HttpCarrier().fetch(Wish(file, source, Staged(Path(part))))
    except HerdError as error:
        sys.stderr.write(error.message)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
