"""What is no LLaMA is refused by its name, what is damaged with what is wrong: in one line."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from herd.errors import HerdError, LegacyDamaged, LegacyError, LegacyRefused
from herd.legacy import Facts, Kind, inspect, recognise

from . import old_file as old
from .given import ROOT, folder
from .old_file import Weights
from .work import FACTS, converted

CHILD = """
import json, sys, threading, time
from pathlib import Path
from herd.errors import LegacyError
from herd.legacy import Facts, conversion, convert
from herd.progress import Gauge
target, answers = Path(sys.argv[2]) / "out.gguf", {}
for path in sorted(Path(sys.argv[1]).glob("*.bin")):
    begun = time.process_time()
    try:
        convert(path, target, Facts("hostile"), Gauge(), threading.Event())
    except LegacyError as error:
        answers[path.stem] = [error.message, time.process_time() - begun]
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
peak = sum(int(line.split()[1]) * 1024 for line in lines if "VmHWM" in line)
print(json.dumps([peak, answers]))
"""


@dataclass(frozen=True)
class Refusals:
    peak: int
    """Resident bytes, of all refusals in one process; 0 where that cannot be known."""
    answers: dict[str, tuple[str, float]]
    """Message and seconds of the processor, by name: what others do here must not count."""


def refusals(folder: Path, target: Path) -> Refusals:
    command = [sys.executable, "-c", CHILD, str(folder), str(target)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return Refusals(*json.loads(ran.stdout))


def test_every_given_hostile_file_is_refused_quickly_in_one_line(tmp_path: Path) -> None:
    expected = json.loads((folder() / "hostile" / "expected.json").read_text())

    refused = refusals(folder() / "hostile", tmp_path)

    assert len(expected) == 22
    assert refused.answers.keys() == expected.keys()
    assert not [message for message, _ in refused.answers.values() if "\n" in message]
    assert max(seconds for _, seconds in refused.answers.values()) < 1
    assert refused.peak < 100e6
    assert list(tmp_path.iterdir()) == []


def foreign(numbers: list[int], name: str = "", magic: bytes = b"lmgg") -> bytes:
    """A file of another program: its header, some vocabulary, a tensor of this name."""
    vocabulary = b"".join(struct.pack("<I", 3) + b"abc" for _ in range(50))
    record = struct.pack("<5i", 2, len(name), 0, 4, 4) + name.encode() + bytes(64)
    return magic + struct.pack(f"<{len(numbers)}I", *numbers) + (vocabulary + record) * bool(name)


GPT_J = [50400, 2048, 4096, 16, 28, 64, 2, 50400]
GPT_2 = [50257, 1024, 768, 12, 12, 2, 50257, 0]
NEOX = [50432, 2048, 4096, 32, 16, 32, 1, 2]
MPT = [4096, 2048, 32, 32, 50432, 0x41000000, 0, 2]
WHISPER = [51864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1]
FALCON = [1, 65024, 4544, 71, 1, 32, 7, 2, 0]
RWKV = [101, 50277, 1024, 24, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("family", "content"),
    [
        ("GPT-J", foreign(GPT_J, "transformer.h.0.attn.q_proj.weight")),
        ("GPT-J", foreign(GPT_J, "transformer.h.0.ln_1.weight")),
        ("GPT-J", foreign([*GPT_J, 0, 0])),
        ("GPT-2", foreign(GPT_2, "model/h0/attn/c_attn/w")),
        ("GPT-2", foreign([*GPT_2, 0])),
        ("GPT-NeoX", foreign(NEOX, "gpt_neox.layers.0.input_layernorm.weight")),
        ("GPT-NeoX", foreign([*NEOX, 0])),
        ("MPT", foreign(MPT, "transformer.blocks.0.norm_1.weight")),
        ("MPT", foreign([*MPT, 0])),
        ("Replit", foreign([2560, 2048, 32, 32, 32768, 2, 0, 0], "transformer.blocks.0.ln_1.bias")),
        ("Whisper", foreign(WHISPER, "decoder.token_embedding.weight")),
        ("Whisper", foreign(WHISPER)),
        ("Falcon", foreign(FALCON, "transformer.word_embeddings.weight", b"fmgg")),
        ("Falcon", foreign([3, *FALCON[1:]], "transformer.h.0.self_attention.dense", b"tjgg")),
        ("Falcon", foreign(FALCON, magic=b"fmgg")),
        ("RWKV", foreign(RWKV, "blocks.0.att.key.weight", b"fmgg")),
        ("RWKV", foreign([100, *RWKV[1:]], magic=b"fmgg")),
        ("BLOOM", foreign(GPT_J, "layers.0.attention.query_key_value.weight")),
        ("BERT", foreign(GPT_2, "encoder.layer.0.attention.self.query.weight")),
        ("LoRA", foreign([1, 8, 16], "layers.0.attention.wq.weight.loraA", b"algg")),
        ("session", foreign([1, 0], magic=b"nsgg")),
    ],
)
def test_another_model_is_refused_by_its_name(family: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(content)

    with pytest.raises(LegacyRefused, match=rf"other\.bin is .*{family}") as refused:
        converted(path, tmp_path)

    assert refused.value.exit_code == 8
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_llama_is_not_taken_for_another_model(tmp_path: Path) -> None:
    path = replace(old.old_file(), heads=5).write(tmp_path)

    with pytest.raises(LegacyDamaged, match="5 heads"):
        inspect(path, FACTS)


def extra(name: str, ne: tuple[int, ...] = (32,), kind: int = old.F32) -> Weights:
    return Weights(name, ne, kind, bytes(4 * ne[0]))


WHOLE = old.old_file()
NORM = WHOLE.weight("norm.weight")


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ("norm.weight comes twice", replace(WHOLE, weights=[*WHOLE.weights, NORM])),
        ("norm.weight is missing", WHOLE.without("norm.weight")),
        ("w1.weight is missing", WHOLE.without("layers.0.feed_forward.w1.weight")),
        ("no LLaMA has a tensor a.bias", replace(WHOLE, weights=[*WHOLE.weights, extra("a.bias")])),
        ("norm.weight is 64, not 32", WHOLE.with_weight(
            "norm.weight", extra("norm.weight", (64,)))),
        ("norm.weight is quantised", WHOLE.with_weight(
            "norm.weight", Weights("norm.weight", (32,), old.Q4_0, bytes(20)))),
        ("3 bytes follow", replace(WHOLE, tail=b"abc")),
        ("ends in a tensor's record", replace(WHOLE, tail=bytes([2]) + bytes(3) + b"\5\0\0\0" * 2)),
        ("claims 0 dimensions", replace(WHOLE, tail=bytes(12))),
        ("type 6, unknown to ggml", WHOLE.with_weight("norm.weight", replace(NORM, type=6))),
        ("type 9, unknown", WHOLE.with_weight("norm.weight", replace(NORM, type=9))),
        ("a side of 4,294,967,295", WHOLE.with_weight("norm.weight", replace(NORM, ne=(-1,)))),
        ("rotary", replace(WHOLE, rotary=17)),
        ("file type 1,002", replace(WHOLE, ftype=1002)),
        ("more than the 13 tensors", replace(WHOLE, weights=[
            *WHOLE.weights, *(extra(f"t{at}") for at in range(9))])),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(words: str, file: old.OldFile, tmp_path: Path) -> None:
    path = file.write(tmp_path)

    with pytest.raises(LegacyDamaged) as refused:
        converted(path, tmp_path, Facts("x", called="ggml-alpaca-7b-q4.bin"))

    assert refused.value.message.startswith("ggml-alpaca-7b-q4.bin is damaged: ")
    assert words in refused.value.message
    assert list(tmp_path.iterdir()) == [path]


def test_frequencies_that_are_computed_today_are_left_out(tmp_path: Path) -> None:
    file = replace(WHOLE, weights=[*WHOLE.weights, extra("rope.freqs")])

    legacy = converted(file.write(tmp_path), tmp_path).legacy

    assert len(legacy.tensors) == 12
    assert "rope.freqs" in legacy.warnings[-1]


def test_what_is_no_old_file_is_not_recognised(tmp_path: Path) -> None:
    for content, kind in ((b"GGUF", None), (b"", None), (b"lmgg", Kind.GGML), (b"algg", Kind.GGLA)):
        (tmp_path / "file").write_bytes(content)
        assert recognise(tmp_path / "file") is kind
    assert recognise(tmp_path) is None


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(LegacyError, match=r"gone\.bin cannot be read: No such file"):
        inspect(tmp_path / "gone.bin", FACTS)
    with pytest.raises(LegacyError, match="is not a file"):
        inspect(tmp_path, FACTS)
    with pytest.raises(HerdError, match="cannot be read"):
        recognise(tmp_path / "gone.bin")
