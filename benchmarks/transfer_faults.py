"""What resets and kills cost a fetch over HTTP, in bytes.

    python benchmarks/transfer_faults.py [--size MIB] [--resets 100] [--kills 20] [--rate MB]

First a server that resets its connections so many times during one file: bytes that it sent /
bytes of the file. Then the process that fetches is killed (SIGKILL) at random instants and
started again: bytes fetched again for each kill, at full speed and at `--rate` MB/s. Each ends with
the digest. What lay in the server's buffers when a connection died was never sent, and does
not count.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from herd.model import File, Sha256, UrlSource  # noqa: E402  # the path comes first
from herd.staging import Staged  # noqa: E402
from herd.transfer import begun  # noqa: E402
from herd.transfer.carrier import Wish  # noqa: E402
from herd.transfer.download import HttpCarrier  # noqa: E402
from tests.tools.http_server import Faults, FileServer  # noqa: E402


def resets(content: bytes, sha256: str, number: int, folder: Path) -> None:
    with FileServer(content) as server:
        server.keeps_alive = True
        server.faults = Faults(reset_after=len(content) // number)
        source = UrlSource(server.url)
        file = File("model.gguf", (source,), len(content), Sha256(sha256))
        begin = time.monotonic()
        delivery = HttpCarrier().fetch(Wish(file, source, Staged(folder / "resets.part")))
        seconds = time.monotonic() - begin
        assert delivery.sha256 == sha256
        share = server.bytes_sent / len(content)
        requests = len(server.requests)
    (folder / "resets.part").unlink()
    print(f"{number} resets, {requests} requests: {share:.4f} of the file in {seconds:.1f} s")


def kills(content: bytes, sha256: str, number: int, folder: Path, rate: float | None) -> None:
    chance, staged = random.Random(1), Staged(folder / "kills.part")
    with FileServer(content) as server:
        if rate is not None:
            server.faults = Faults(rate=int(rate * 1e6 / 8))
        words = [server.url, str(len(content)), sha256, str(staged.part)]
        child = [sys.executable, "-m", "tests.transfer.http_dying", *words]
        lost: list[int] = []
        for at in range(number):
            before, had = server.bytes_sent, begun(staged)
            goal = before + (len(content) - had) / (number - at) * chance.random()
            process = subprocess.Popen(child, cwd=HERE.parent)
            while server.bytes_sent <= goal and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(0.2)  # until the server has noticed
            lost.append(server.bytes_sent - before - (begun(staged) - had))
        server.faults = Faults()
        subprocess.run(child, check=True, cwd=HERE.parent)
        total = server.bytes_sent
    with staged.part.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    staged.part.unlink()
    speed = "at full speed" if rate is None else f"at {rate:.0f} MB/s"
    print(
        f"{number} kills {speed}: {max(lost) / 1e6:.1f} MB at most and"
        f" {sum(lost) / len(lost) / 1e6:.1f} MB on average fetched again for each,"
        f" {total / len(content):.3f} of the file in all, digest right"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--resets", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=10.0, help="MB/s of the slower run")
    chosen = parser.parse_args()
    content = b"GGUF" + os.urandom((1 << 20) - 4) * chosen.size
    sha256 = hashlib.sha256(content).hexdigest()
    with tempfile.TemporaryDirectory() as name:
        resets(content, sha256, chosen.resets, Path(name))
        kills(content, sha256, chosen.kills, Path(name), None)
        short = content[: min(len(content), 128 << 20)]
        digest = hashlib.sha256(short).hexdigest()
        kills(short, digest, chosen.kills, Path(name), chosen.rate)


if __name__ == "__main__":
    main()
