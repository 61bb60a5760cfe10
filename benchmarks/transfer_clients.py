"""The clients that benchmarks/transfer.py times: each is a process that says `ready`, and fetches.

    python benchmarks/transfer_clients.py CLIENT URL SIZE SHA256 FOLDER

What a client imports is imported before it says so; it begins when a line comes in.
"""

from __future__ import annotations

import hashlib
import http.client
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]  # herd as it stands beside this

Client = Callable[[str, int, str, Path], None]
PIECE = 1024 * 1024


def prove(path: Path, sha256: str) -> None:
    with path.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def run(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def curl(url: str, size: int, sha256: str, folder: Path) -> None:
    run("curl", "-sfk", "-o", str(folder / "out"), url)


def curl_and_hashlib(url: str, size: int, sha256: str, folder: Path) -> None:
    curl(url, size, sha256, folder)
    prove(folder / "out", sha256)


def curl_and_sha256sum(url: str, size: int, sha256: str, folder: Path) -> None:
    curl(url, size, sha256, folder)
    found = subprocess.run(["sha256sum", str(folder / "out")], check=True, capture_output=True)
    assert found.stdout.decode().startswith(sha256)


def wget(url: str, size: int, sha256: str, folder: Path) -> None:
    run("wget", "-q", "--no-check-certificate", "-O", str(folder / "out"), url)


def aria2c(url: str, size: int, sha256: str, folder: Path, *more: str) -> None:
    words = ("-x4", "-s4", "-k1M", "-q", "--check-certificate=false", "--file-allocation=none")
    run("aria2c", *words, *more, "-d", str(folder), "-o", "out", url)


def aria2c_and_checksum(url: str, size: int, sha256: str, folder: Path) -> None:
    aria2c(url, size, sha256, folder, f"--checksum=sha-256={sha256}")


def aria2c_of_sixteen(url: str, size: int, sha256: str, folder: Path) -> None:
    aria2c(url, size, sha256, folder, "-x16", "-s16")


def make_requests_loop() -> Client:
    import requests

    def fetch(url: str, size: int, sha256: str, folder: Path) -> None:
        digest = hashlib.sha256()
        with requests.get(url, stream=True, timeout=30) as answer:
            answer.raise_for_status()
            with (folder / "out").open("wb") as out:
                for piece in answer.iter_content(PIECE):
                    digest.update(piece)
                    out.write(piece)
        assert digest.hexdigest() == sha256

    return fetch


def make_hugging_face() -> Client:
    from huggingface_hub.file_download import http_get

    def fetch(url: str, size: int, sha256: str, folder: Path) -> None:
        with (folder / "out").open("wb") as out:
            http_get(url, out, expected_size=size)

    return fetch


def make_one_readinto() -> Client:
    """What one connection of the standard library can do at best, with the digest on its way."""

    def fetch(url: str, size: int, sha256: str, folder: Path) -> None:
        parts = urlsplit(url)
        line = http.client.HTTPConnection(parts.hostname or "", parts.port)
        line.request("GET", parts.path)
        answer, digest = line.getresponse(), hashlib.sha256()
        view = memoryview(bytearray(256 * 1024))
        with (folder / "out").open("wb", buffering=0) as out:
            while count := answer.readinto(view):
                digest.update(view[:count])
                out.write(view[:count])
        assert digest.hexdigest() == sha256

    return fetch


def make_herd(workers: int = 8) -> Client:
    from herd.model import File, Sha256, UrlSource
    from herd.staging import Staged
    from herd.transfer.carrier import Wish
    from herd.transfer.download import HttpCarrier

    def fetch(url: str, size: int, sha256: str, folder: Path) -> None:
        source = UrlSource(url)
        file = File("out", (source,), size, Sha256(sha256))
        carrier = HttpCarrier(workers=workers)
        delivery = carrier.fetch(Wish(file, source, Staged(folder / "out.part")))
        assert delivery.sha256 == sha256

    return fetch


def make_herd_install(*, hashes_pieces: bool = False) -> Client:
    import herd.transfer.download
    from herd.core import Herd
    from herd.install import Order
    from herd.model import Choice, File, Licence, Model, Sha256, UrlSource, Variant
    from herd.places import places

    def fetch(url: str, size: int, sha256: str, folder: Path) -> None:
        file = File("out.gguf", (UrlSource(url),), size, Sha256(sha256))
        variant = Variant("q4_0", (file,))
        model = Model("bench", "Bench", (variant,), "q4_0", Licence("MIT"))
        one = Herd(places({"HERD_HOME": str(folder / "home")}))
        installed = one.installer.install(Order(Choice(model, variant))).installed
        if hashes_pieces:
            one.hash_pieces([installed])
        one.close()

    assert herd.transfer.download
    return fetch


CLIENTS: dict[str, Callable[[], Client]] = {
    "curl": lambda: curl,
    "herd": make_herd,
    "herd install": make_herd_install,
    "herd install + pieces": lambda: make_herd_install(hashes_pieces=True),
    "herd x16": lambda: make_herd(16),
    "curl + hashlib": lambda: curl_and_hashlib,
    "curl + sha256sum": lambda: curl_and_sha256sum,
    "wget": lambda: wget,
    "aria2c -x4": lambda: aria2c,
    "aria2c x16": lambda: aria2c_of_sixteen,
    "aria2c -x4 --checksum": lambda: aria2c_and_checksum,
    "requests + sha256": make_requests_loop,
    "huggingface_hub http_get": make_hugging_face,
    "http.client + sha256": make_one_readinto,
}
VERIFIES = frozenset(
    {
        *("herd", "herd install", "herd install + pieces", "herd x16"),
        *("curl + hashlib", "curl + sha256sum"),
        *("aria2c -x4 --checksum", "requests + sha256", "http.client + sha256"),
    }
)
PLAIN_ONLY = frozenset({"http.client + sha256"})


def main() -> None:
    name, url, size, sha256, folder = sys.argv[1:]
    fetch = CLIENTS[name]()
    print("ready", flush=True)
    sys.stdin.readline()
    fetch(url, int(size), sha256, Path(folder))
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0])
    print("done", peak * 1024, flush=True)


if __name__ == "__main__":
    main()
