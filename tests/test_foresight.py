"""What a header at its source says before a byte of the model is fetched."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest

from herd import foresight
from herd.fit import Device, Verdict
from herd.gguf_header import read_file
from herd.model import Choice, File, Format, Licence, Model, UrlSource, Variant
from herd.shape import shape
from herd.transfer.first_bytes import read_beginning
from tests.tools import tiny_gguf
from tests.tools.http_server import Faults, FileServer

GB = 1_000_000_000


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return tiny_gguf.write(tmp_path / "model.gguf").read_bytes()


def choice(url: str, size: int, *others: Variant) -> Choice:
    file = File("model.gguf", (UrlSource(url),), size)
    variant = Variant("q8_0", (file,), Format.GGUF)
    model = Model("tiny", "Tiny", (variant, *others), "q8_0", Licence("MIT"))
    return Choice(model, variant)


def machine(memory: int) -> tuple[Device, ...]:
    return (Device("CPU", is_gpu=False, free=memory, total=memory),)


def test_the_beginning_of_a_file_is_read_and_no_more(content: bytes) -> None:
    with FileServer(content) as server:
        assert read_beginning(UrlSource(server.url), 1000, threading.Event()) == content[:1000]
        assert server.requests[0].headers["range"] == "bytes=0-999"


def test_a_server_without_ranges_is_not_read_to_its_end(content: bytes) -> None:
    with FileServer(content) as server:
        server.faults = Faults(ignores_ranges=True)
        assert read_beginning(UrlSource(server.url), 1000, threading.Event()) == content[:1000]


def test_the_shape_of_a_model_is_known_before_it_is_fetched(content: bytes, tmp_path: Path) -> None:
    with FileServer(content) as server:
        found = foresight.shape_of(choice(server.url, len(content)))

    assert found is not None
    whole = shape(read_file(tmp_path / "model.gguf"), len(content))
    assert (found.layers, found.width, found.trained) == (whole.layers, whole.width, whole.trained)


@pytest.mark.parametrize("status", [404, 500])
def test_what_no_source_tells_is_not_known(content: bytes, status: int) -> None:
    with FileServer(content) as server:
        server.faults = Faults(status=status)
        assert foresight.shape_of(choice(server.url, len(content))) is None


def test_what_is_no_gguf_is_not_known() -> None:
    with FileServer(b"<!DOCTYPE html>" * 1000) as server:
        assert foresight.shape_of(choice(server.url, 15_000)) is None
    with FileServer(b"GGUF" + struct.pack("<IQQ", 3, 1, 1 << 60)) as server:
        assert foresight.shape_of(choice(server.url, 24)) is None


def test_the_verdict_says_what_would_be_chosen(content: bytes) -> None:
    with FileServer(content) as server:
        found = foresight.shape_of(choice(server.url, len(content)))
    assert found is not None

    placement = foresight.foreseen(found, machine(8 * GB), 2048)

    assert placement.verdict is Verdict.FITS
    asked = choice("http://127.0.0.1/", len(content))
    words = foresight.told(asked, found, machine(8 * GB), 2048)
    assert words
    assert words.startswith("fits: context 2,048; on the CPU: ")


def test_where_a_model_does_not_fit_the_variant_that_would_is_named(content: bytes) -> None:
    small, large = (
        Variant(name, (File("m.gguf", (), size),), Format.GGUF)
        for name, size in (("q2", 2 * GB), ("q4", 4 * GB))
    )
    with FileServer(content) as server:
        asked = choice(server.url, 9 * GB, small, large)
        found = foresight.shape_of(asked)
    assert found is not None

    assert foresight.foreseen(found, machine(6 * GB), 4096).verdict is Verdict.TOO_BIG
    assert foresight.instead(asked, found, machine(6 * GB)) == large
    assert foresight.instead(asked, found, machine(3 * GB)) == small
    assert foresight.instead(asked, found, machine(1 * GB)) is None
    words = foresight.told(asked, found, machine(6 * GB), 4096)
    assert words
    assert words.startswith("does not fit: it takes 9.")
    assert words.endswith(" GB and this machine has 6.00 GB; tiny:q4 would fit")
