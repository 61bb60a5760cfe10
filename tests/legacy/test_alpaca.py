"""Alpaca from end to end, in miniature: a swarm, `herd install`, `herd run`, the words of 2023.

The file is ggml-alpaca-7b-q4.bin with its real vocabulary and 32,000 tokens, made by the
programs of that March with small random weights.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.fakes import digest
from tests.tools.swarm import Seed, make_torrent
from tests.tools.swarm_tracker import HttpTracker

from .gguf_reader import read_gguf
from .given import given, said

FIXTURE = "ggml0-q4_0-full32000"
FILE = "ggml-alpaca-7b-q4.bin"

REGISTRY = """\
schema: 1
registry: {{name: mine}}
templates:
  # With Stanford's own line breaks, which those who wrote the fixture's prompts used.
  stanford: |-
    Below is an instruction that describes a task. Write a response that appropriately completes the request.
    {{%- for message in messages -%}}
    {{{{ '\\n\\n### Instruction:\\n' + message['content'] }}}}
    {{%- endfor -%}}
    {{{{ '\\n\\n### Response:\\n' }}}}
models:
  mini-alpaca:
    title: Alpaca 7B in miniature
    family: alpaca
    parameters: 7B
    role: chat
    summary: The file behind the magnet, made small.
    licence:
      id: research-only
      url: https://crfm.stanford.edu/2023/03/13/alpaca.html
      commercial: prohibited
      must-be-accepted: true
      redistributable: false
      note: For research alone.
    context: 512
    template: stanford
    stop: ["### Instruction:"]
    # The old library drew without a penalty.
    sampling: {{temperature: 0.1, top-k: 40, top-p: 0.95, repeat-penalty: 1.0, repeat-last-n: 64}}
    epsilon: 0.000001
    status: historical
    reason: It is converted to GGUF while it is installed.
    default: q4_0
    variants:
      q4_0:
        format: ggml
        quantisation: Q4_0
        files:
        - name: {file}
          size: {size}
          sha256: {sha256}
          sources:
          - magnet:
              v1: {info_hash}
              name: {file}
              trackers: ["{tracker}"]
"""  # noqa: E501


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[tuple[Path, Seed]]:
    """A home whose registry has the magnet, and the one who seeds it."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    path = shelf / FILE
    shutil.copy(given(FIXTURE), path)
    torrent = make_torrent(path)
    with Seed(torrent, shelf) as seed, HttpTracker(seed.address) as tracker:
        registries = tmp_path / "home" / "registries"
        registries.mkdir(parents=True)
        content = path.read_bytes()
        (registries / "mine.yaml").write_text(
            REGISTRY.format(
                file=FILE,
                size=len(content),
                sha256=digest(content),
                info_hash=torrent.v1,
                tracker=tracker.url,
            )
        )
        yield tmp_path / "home", seed


def herd(home: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-m", "herd", *words],
        env={**os.environ, "HERD_HOME": str(home), "HERD_DHT": "false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    return ran


def test_the_magnet_of_2023_ends_in_the_words_of_2023(swarm: tuple[Path, Seed]) -> None:
    home, seed = swarm
    refused = herd(home, "install", "mini-alpaca", code=7)
    assert "must be accepted" in refused.stderr
    assert not (home / "staging").exists()

    installed = herd(home, "install", "--accept-licence", "mini-alpaca").stderr

    assert "convert  to GGUF" in installed
    assert f"Converted from {FILE} (ggml, 2.9 MB), not kept in the store." in installed
    assert "verified." in installed
    assert seed.uploaded >= given(FIXTURE).stat().st_size
    assert "is installed already" in herd(home, "install", "--accept-licence", "mini-alpaca").stderr

    answer = herd(
        home, "run", "--temperature", "0", "--max-tokens", "32", "mini-alpaca", "What is an alpaca?"
    )  # fmt: skip

    (gguf,) = (home / "models" / "mini-alpaca" / "q4_0").iterdir()
    pieces = read_gguf(gguf).keys["tokenizer.ggml.tokens"]
    greedy = said(FIXTURE, ".expected.json")["results"][0]["greedy"]
    expected = b"".join(pieces[token] for token in greedy).decode().replace("\u2581", " ")
    assert answer.stdout.strip() == expected.strip()
