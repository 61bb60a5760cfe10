"""Every file that the old libraries wrote becomes exactly the GGUF that it must be."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from herd.legacy import Facts, Kind, inspect, recognise
from herd.model import Sha256

from .gguf_reader import Read, read_gguf
from .given import NAMES, given, said
from .work import FACTS, converted


def sha256(content: bytes) -> Sha256:
    return Sha256(hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("name", NAMES)
def test_every_tensor_token_and_key_is_the_one_it_must_be(name: str, tmp_path: Path) -> None:
    read = read_gguf(converted(given(name), tmp_path).path)

    expected = said(name, ".gguf-tensors.json")
    found = {
        tensor: {"type": weights.type, "ne": weights.ne, "sha256": sha256(weights.content)}
        for tensor, weights in read.tensors.items()
    }
    assert found == expected["tensors"]
    assert vocabulary_of(read) == expected["vocab"]
    assert {key: read.keys[key] for key in expected["meta"]} == expected["meta"]


def vocabulary_of(read: Read) -> dict[str, object]:
    texts = read.keys["tokenizer.ggml.tokens"]
    scores = read.keys["tokenizer.ggml.scores"]
    types = read.keys["tokenizer.ggml.token_type"]
    return {
        "n": len(texts),
        "texts_sha256": sha256(b"".join(struct.pack("<I", len(t)) + t for t in texts)),
        "scores_sha256": sha256(struct.pack(f"<{len(scores)}f", *scores)),
        "types_sha256": sha256(struct.pack(f"<{len(types)}i", *types)),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_same_file_gives_the_same_bytes_and_their_digests(name: str, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()

    first = converted(given(name), tmp_path)
    second = converted(given(name), tmp_path / "again")

    content = first.path.read_bytes()
    assert content == second.path.read_bytes()
    assert (first.size, first.sha256) == (len(content), sha256(content))
    assert first.sources == tuple(sha256(part.read_bytes()) for part in first.legacy.parts)


@pytest.mark.parametrize("name", NAMES)
def test_inspecting_tells_the_size_of_the_gguf_beforehand(name: str, tmp_path: Path) -> None:
    facts = Facts(name="Ünï", template="{{ messages }}", description="old")

    predicted = inspect(given(name), facts).output_size

    assert converted(given(name), tmp_path, facts).path.stat().st_size == predicted


def test_inspecting_says_what_the_file_is() -> None:
    legacy = inspect(given("ggmf1-q4_0-2part"), FACTS)

    header = legacy.header
    assert (header.kind, header.version, header.ftype) == (Kind.GGMF, 1, 2)
    assert (header.embedding, header.heads, header.layers) == (64, 4, 2)
    assert (legacy.heads_kv, legacy.feed_forward, legacy.vocabulary) == (4, 192, 1024)
    assert [part.suffix for part in legacy.parts] == [".bin", ".1"]
    assert legacy.quantisation == "Q4_0"
    assert len(legacy.tensors) == 21


@pytest.mark.parametrize("name", NAMES)
def test_the_first_four_bytes_tell_the_kind(name: str) -> None:
    assert recognise(given(name)) == name[:4]


def test_the_facts_stand_in_the_gguf(tmp_path: Path) -> None:
    facts = Facts(
        name="Alpaca 7B", description="old", context=4096, rope_base=5e5, template="{{ x }}"
    )

    keys = read_gguf(converted(given("ggml0-q4_0"), tmp_path, facts).path).keys

    assert keys["general.name"] == b"Alpaca 7B"
    assert keys["general.description"] == b"old"
    assert keys["llama.context_length"] == 4096
    assert keys["llama.rope.freq_base"] == 500_000
    assert keys["tokenizer.chat_template"] == b"{{ x }}"
    assert keys["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-6)


def test_a_ggjt3_file_of_unknown_origin_gets_the_epsilon_between(tmp_path: Path) -> None:
    done = converted(given("ggjt3-q2_K"), tmp_path, Facts("unknown"))

    key = read_gguf(done.path).keys["llama.attention.layer_norm_rms_epsilon"]
    assert key == pytest.approx(5e-6)
