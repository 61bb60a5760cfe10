"""The header reader: what a real writer wrote is read, what is torn or hostile is refused."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herd import gguf_header
from herd.gguf_header import Array, BadHeader, ShortHeader, lack, read, read_file
from herd.gguf_kinds import FILE_TYPES, TENSOR_TYPES
from herd.words import size as size_in_words
from tests.tools import tiny_gguf


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf.write(tmp_path_factory.mktemp("model") / "tiny.gguf")


def test_a_header_says_what_its_writer_wrote(model: Path) -> None:
    header = read_file(model)

    assert (header.version, header.architecture, header.name) == (3, "llama", "tiny")
    assert (header.quantisation, header.context, header.layers) == ("F32", 4096, 2)
    assert header.template == tiny_gguf.CHATML
    assert header.wholes("{arch}.attention.head_count_kv") == (2,)
    assert (header.kind, header.parts) == ("model", 1)
    assert header.values["tokenizer.ggml.tokens"] == Array(261 + len(tiny_gguf.WORDS))


def test_tensors_and_sizes_are_those_of_the_reference_reader(model: Path) -> None:
    header, reference = read_file(model), gguf.GGUFReader(model)

    assert [each.name for each in header.tensors] == [each.name for each in reference.tensors]
    assert [each.size for each in header.tensors] == [each.n_bytes for each in reference.tensors]
    assert header.end is not None
    assert 0 <= model.stat().st_size - header.end < header.alignment


def test_a_file_that_is_cut_short_says_what_it_lacks(model: Path, tmp_path: Path) -> None:
    path, whole = tmp_path / "cut.gguf", model.read_bytes()
    end = read_file(model).end
    assert end is not None
    said = {}
    for size in (0, 4, end - 1, end, len(whole)):
        path.write_bytes(whole[:size])
        said[size] = lack(path)
    path.write_bytes(b"<!DOCTYPE html>")

    assert said[0] == "it has 0 bytes"
    assert said[4] == "it ends within its header"
    assert said[end - 1] == f"it lacks 1 B of the {size_in_words(end)} that its header promises"
    assert said[end] is said[len(whole)] is lack(path) is None


def test_numbers_for_each_layer_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "layers.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_head_count_kv([4, 2, 1])
    writer.add_array("big", list(range(5000)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    header = read_file(path)

    assert header.wholes("{arch}.attention.head_count_kv") == (4, 2, 1)
    assert header.values["big"] == Array(5000)
    assert header.whole("{arch}.block_count") is None


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "layers.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("llama.attention.head_count", [float("nan"), 4.0, float("inf")])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    assert read_file(path).wholes("{arch}.attention.head_count") == (4,)


def test_kinds_are_those_of_the_reference() -> None:
    for number, kind in TENSOR_TYPES.items():
        reference = gguf.GGMLQuantizationType(number)
        assert (kind.name, kind.block, kind.size) == (
            reference.name,
            *gguf.GGML_QUANT_SIZES[reference],
        )
    for number, name in FILE_TYPES.items():
        words = gguf.LlamaFileType(number).name.removeprefix("MOSTLY_").removeprefix("ALL_")
        assert name == words.removesuffix("_MOE")


def test_the_first_bytes_are_enough_and_too_few_say_so(model: Path) -> None:
    whole = read_file(model)
    content = model.read_bytes()

    assert read(io.BytesIO(content[: whole.size])) == whole
    for size in (0, 3, 4, 20, whole.size - 1):
        with pytest.raises(ShortHeader):
            read(io.BytesIO(content[:size]))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_header_is_read_or_refused_and_nothing_else(
    model: Path, data: st.DataObject
) -> None:
    content = bytearray(model.read_bytes()[: read_file(model).size])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content) - 1, 900)))] = data.draw(
            st.integers(0, 255)
        )
    try:
        header = read(io.BytesIO(bytes(content)))
    except BadHeader:
        return
    for use in ("quantisation", "context", "layers", "template", "parts", "kind", "end"):
        getattr(header, use)


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html>" * 10,
        b"GGUF" + struct.pack("<I", 1) + bytes(40),
        b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 62),
        b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 99),
        b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 4, 1 << 62),
        b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 1),
        b"GGUF" + struct.pack("<IQQQ1sIQ", 3, 0, 1, 1, b"k", 8, 1 << 40),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_held(content: bytes) -> None:
    with pytest.raises(BadHeader) as refusal:
        read(io.BytesIO(content))

    assert not isinstance(refusal.value, ShortHeader)


def test_a_header_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_header, "LONGEST", 1 << 21)
    endless = b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 0, 1 << 21) + bytes(1 << 22)

    with pytest.raises(BadHeader, match="too long"):
        read(io.BytesIO(endless))
