"""From a command to an answer, as a person runs it: real processes, carriers, store and engine.

Servers, trackers and seeds are on loopback; only SmolLM2 comes through the package index.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.tools import tiny_gguf
from tests.tools.fakes import digest, registry_text
from tests.tools.http_server import Faults, FileServer
from tests.tools.swarm import Seed, make_torrent
from tests.tools.swarm_tracker import HttpTracker

ROOT = Path(__file__).parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def herd(home: Path) -> Run:
    """`herd WORDS...` in a home of its own; `typed` is piped in."""

    def run(*words: str, typed: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return call(words, typed, {"HERD_HOME": str(home), **environ})

    return run


def call(
    words: tuple[str, ...], typed: str, environ: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("HERD_")}
    return subprocess.run(
        [sys.executable, "-m", "herd.cli", *words],
        env={**inherited, **environ},
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is small and answers."""
    return tiny_gguf.write(tmp_path_factory.mktemp("made") / "tiny.gguf")


@pytest.fixture
def server(model: Path) -> Iterator[FileServer]:
    with FileServer(model.read_bytes()) as server:
        yield server


def offers(home: Path, url: str, content: bytes) -> None:
    """The home has a registry of one model."""
    folder = home / "registries"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.yaml").write_text(registry_text(url, content))


def proves_itself(herd: Run, home: Path, model: Path) -> None:
    """One model is listed, its blob is named by its own digest, it answers, and it goes."""
    (listed,) = json.loads(herd("list", "--json").stdout)
    (blob,) = (home / "blobs" / "sha256").glob("[0-9a-f]" * 64)
    assert blob.name == hashlib.sha256(blob.read_bytes()).hexdigest() == digest(model.read_bytes())
    assert listed["files"][0]["sha256"] == blob.name
    assert Path(listed["path"]).samefile(blob)

    words = ("run", listed["name"], "hum?", "--seed", "1", "--max-tokens", "4")
    answer = herd(*words)
    assert (answer.returncode, answer.stderr) == (0, "(Cut: --max-tokens is reached.)\n")
    assert set(answer.stdout.split()) <= set(tiny_gguf.WORDS)
    assert herd(*words).stdout == answer.stdout
    assert not [path for path in (home / "logs").iterdir() if b"hum?" in path.read_bytes()]

    assert herd("remove", "-y", listed["name"]).returncode == 0
    assert not blob.exists()


def succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "\nInstalled tiny:" in done.stderr


def test_a_model_of_a_registry_comes_by_http(
    herd: Run, home: Path, server: FileServer, model: Path
) -> None:
    offers(home, server.url, model.read_bytes())

    succeeded(herd("install", "tiny"))
    proves_itself(herd, home, model)


def test_an_address_and_its_digest_are_enough(
    herd: Run, home: Path, server: FileServer, model: Path
) -> None:
    succeeded(herd("install", server.url, "--as", "tiny", "--sha256", digest(model.read_bytes())))
    proves_itself(herd, home, model)


@pytest.mark.parametrize("version", [1, 2])
def test_a_magnet_and_its_tracker_are_enough(
    herd: Run, home: Path, model: Path, version: int
) -> None:
    torrent = make_torrent(model, version=version)
    topic = f"urn:btih:{torrent.v1}" if torrent.v1 else f"urn:btmh:1220{torrent.v2}"
    with Seed(torrent, model.parent) as seed, HttpTracker(seed.address) as tracker:
        tracked = quote(tracker.url, safe="")
        done = herd("install", f"magnet:?xt={topic}&dn=tiny.gguf&tr={tracked}")

    succeeded(done)
    assert "its trackers and peers" in done.stderr
    proves_itself(herd, home, model)


def test_a_torrent_file_is_enough(herd: Run, home: Path, model: Path, tmp_path: Path) -> None:
    with HttpTracker() as tracker:
        torrent = make_torrent(model, [tracker.url])
        path = tmp_path / "tiny.torrent"
        path.write_bytes(torrent.raw)
        with Seed(torrent, model.parent) as seed:
            tracker.peers = [seed.address]
            done = herd("install", str(path))

    succeeded(done)
    proves_itself(herd, home, model)


def test_a_path_is_enough_and_the_file_stays_where_it_was(
    herd: Run, home: Path, model: Path
) -> None:
    succeeded(herd("install", str(model)))
    proves_itself(herd, home, model)
    assert model.exists()


def test_what_is_piped_in_is_answered(herd: Run, model: Path) -> None:
    herd("install", str(model))

    done = herd("run", "tiny", "summarise:", "--max-tokens", "4", typed="llama hum hill\n")

    assert done.returncode == 0
    assert done.stdout.strip()


# What goes wrong is one sentence, a hint, an exit code, and nothing half-installed.


def failed(done: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    """It ended with this code and these two lines, and stdout has nothing."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    sentence = [line for line in done.stderr.splitlines() if line.startswith("herd: ")]
    assert len(sentence) == 1
    assert said in sentence[0]


def has_nothing(herd: Run, home: Path) -> None:
    assert json.loads(herd("list", "--json").stdout) == []
    assert list((home / "models").rglob("*.gguf")) == []


def test_a_wrong_name_lists_the_nearest(herd: Run, home: Path) -> None:
    done = herd("install", "smolm2")

    failed(done, 3, "No registry offers smolm2.")
    assert "Did you mean smollm2" in done.stderr
    assert not (home / "blobs").exists()


def test_a_wrong_digest_installs_nothing(herd: Run, home: Path, server: FileServer) -> None:
    done = herd("install", server.url, "--as", "tiny", "--sha256", "0" * 64)

    failed(done, 5, "model.gguf")
    has_nothing(herd, home)


def test_a_source_that_changed_its_bytes_installs_nothing(
    herd: Run, home: Path, server: FileServer, model: Path
) -> None:
    offers(home, server.url, model.read_bytes())
    server.content = server.content[:-1] + b"\x00"

    failed(herd("install", "tiny"), 5, "tiny.gguf")
    has_nothing(herd, home)


def test_a_source_that_cannot_be_reached_is_named(
    herd: Run, home: Path, server: FileServer, model: Path
) -> None:
    offers(home, server.url.replace(server.origin, "http://127.0.0.1:9"), model.read_bytes())

    failed(herd("install", "tiny"), 4, "127.0.0.1")
    has_nothing(herd, home)


def test_a_source_that_no_longer_has_the_file_is_named(
    herd: Run, home: Path, server: FileServer, model: Path
) -> None:
    offers(home, server.url, model.read_bytes())
    server.faults = Faults(status=404)

    failed(herd("install", "tiny"), 4, "404")
    has_nothing(herd, home)


def test_a_disk_that_is_too_small_is_said_before_the_first_byte(
    herd: Run, home: Path, server: FileServer
) -> None:
    offers(home, server.url, b"x")
    registry = home / "registries" / "test.yaml"
    registry.write_text(registry.read_text().replace("size: 1", f"size: {1 << 46}"))

    failed(herd("install", "tiny"), 6, "tiny:q4_0 needs 70368.74 GB of disk")
    assert server.requests == []


def test_a_key_that_no_registry_has_is_shown_with_its_line(herd: Run, home: Path) -> None:
    offers(home, "https://models.example.org/tiny.gguf", b"x")
    path = home / "registries" / "test.yaml"
    path.write_text(path.read_text() + "  sise: 4\n")

    failed(herd("registry", "check"), 2, f"{path}:")


@pytest.mark.parametrize("damage", [tiny_gguf.with_duplicate_tokens, tiny_gguf.without_weights])
def test_a_model_that_does_not_load_is_one_sentence(
    herd: Run, tmp_path: Path, damage: Callable[[Path], Path]
) -> None:
    assert herd("install", str(damage(tmp_path / "damaged.gguf"))).returncode == 0

    failed(herd("run", "damaged", "hum?"), 8, "damaged:file")


def test_a_file_that_is_no_model_is_not_installed(herd: Run, home: Path, tmp_path: Path) -> None:
    failed(herd("install", str(tiny_gguf.with_wrong_magic(tmp_path / "page.gguf"))), 4, "page.gguf")
    has_nothing(herd, home)
