"""Whether a model fits, and how it is loaded: sums that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herd.fit import BITS, SMALL_BATCH, Device, Verdict, Wishes, choose, needs
from herd.gguf_header import read_file
from herd.shape import Layer, Shape, projector
from tests.tools import tiny_mmproj

GB = 1_000_000_000
SEVEN = Shape(
    weights=4 * GB,
    layers=(Layer(4096, 4096),) * 32,
    width=4096,
    inner=11008,
    heads=32,
    vocabulary=32_000,
    trained=4096,
    around=130_000_000,
)
"""A model as LLaMA 7B is, in four bits."""


def cpu(free: int, total: int | None = None) -> Device:
    return Device("CPU", is_gpu=False, free=free, total=total or free)


def gpu(free: int, name: str = "CUDA0") -> Device:
    return Device(name, is_gpu=True, free=free, total=free)


def test_keys_and_values_of_a_context_are_what_llama_cpp_says_they_are() -> None:
    # llama.cpp: "KV buffer size = 2048.00 MiB" for LLaMA 7B at 4096 in f16
    assert needs(SEVEN, 4096).cache == 2048 << 20
    assert needs(SEVEN, 4096, "q8_0").cache == 1088 << 20
    assert needs(SEVEN, 1).cache == needs(SEVEN, 256).cache


def test_heads_that_share_their_keys_take_less() -> None:
    grouped = replace(SEVEN, layers=(Layer(1024, 1024),) * 32)

    assert needs(grouped, 4096).cache == 512 << 20


def test_a_model_that_fits_gets_its_context_and_says_why() -> None:
    found = choose(SEVEN, [cpu(16 * GB)], Wishes(context=4096))

    assert (found.verdict, found.context, found.gpu_layers) == (Verdict.FITS, 4096, 0)
    assert found.why == (
        "context 4,096: all that it was trained on",
        "on the CPU: 6.29 GB of 16.00 GB",
        "mapped: its pages are read as they are needed",
        "512 tokens of a prompt are read at once",
        "flash attention where the device knows it",
    )


def test_a_context_is_shortened_where_memory_is_short() -> None:
    found = choose(SEVEN, [cpu(5 * GB, 8 * GB)], Wishes(context=4096))

    assert (found.verdict, found.context) == (Verdict.SHORTENED, 1024)
    assert found.needs.total <= 5 * GB
    assert found.why[0] == "context 1,024: 4,096 would not fit into memory"


def test_a_context_that_somebody_insists_on_stays() -> None:
    found = choose(SEVEN, [cpu(5 * GB, 8 * GB)], Wishes(context=4096, is_exact=True))

    assert found.context == 4096
    assert found.why[0] == "context 4,096: as was asked"


def test_what_the_whole_machine_cannot_hold_does_not_fit() -> None:
    assert choose(SEVEN, [cpu(3 * GB)], Wishes()).verdict is Verdict.TOO_BIG
    assert choose(SEVEN, [cpu(3 * GB, 16 * GB)], Wishes()).verdict is Verdict.FITS


def test_a_gpu_with_room_gets_everything() -> None:
    found = choose(SEVEN, [gpu(8 * GB), cpu(16 * GB)], Wishes())

    assert (found.verdict, found.gpu_layers, found.device) == (Verdict.FITS, 32, "CUDA0")
    assert found.is_mapped


def test_a_smaller_gpu_gets_the_layers_that_fit() -> None:
    found = choose(SEVEN, [gpu(4 * GB), cpu(16 * GB)], Wishes(is_exact=True))

    assert found.verdict is Verdict.PARTLY
    assert 10 < found.gpu_layers < 32
    assert f"{found.gpu_layers} of 32 layers on CUDA0" in found.why[1]


def test_the_output_lies_with_the_first_layer_that_a_gpu_gets() -> None:
    heavy = replace(SEVEN, weights=5 * GB, around=GB + 130_000_000)
    machine = [gpu(4 * GB), cpu(16 * GB)]
    asked = Wishes(is_exact=True)

    light, found = (choose(each, machine, asked).gpu_layers for each in (SEVEN, heavy))

    layer = SEVEN.per_layer + 2 * 4096 * 4096 * 2
    assert 0 <= light - found - GB // layer <= 1


def test_layers_on_a_gpu_are_the_last_ones() -> None:
    wide, narrow = (Layer(4096, 4096),) * 16, (Layer(64, 64),) * 16
    machine = [gpu(3 * GB), cpu(16 * GB)]
    asked = Wishes(is_exact=True)
    first, last = (
        choose(replace(SEVEN, layers=each), machine, asked).gpu_layers
        for each in (wide + narrow, narrow + wide)
    )

    assert first > last


def test_a_somewhat_shorter_context_is_better_than_layers_on_the_cpu() -> None:
    found = choose(SEVEN, [gpu(int(6.2 * GB)), cpu(16 * GB)], Wishes())

    assert (found.verdict, found.gpu_layers, found.context) == (Verdict.SHORTENED, 32, 2048)


def test_what_lies_on_a_gpu_takes_nothing_of_the_machine() -> None:
    asked = (Wishes(gpu_layers=0), Wishes(gpu_layers=16), Wishes())
    none, half, whole = (choose(SEVEN, [gpu(80 * GB), cpu(16 * GB)], each) for each in asked)

    assert none.on_machine == none.needs.total
    assert half.on_machine - whole.on_machine == (SEVEN.weights + half.needs.cache) // 2
    assert whole.on_machine < GB


def test_two_gpus_share_a_model() -> None:
    found = choose(SEVEN, [gpu(5 * GB), gpu(5 * GB, "CUDA1"), cpu(16 * GB)], Wishes())

    assert found.gpu_layers == 32
    assert "CUDA0 and CUDA1" in found.why[1]


def test_a_gpu_without_room_is_left_alone() -> None:
    found = choose(SEVEN, [gpu(300_000_000), cpu(16 * GB)], Wishes())

    assert (found.gpu_layers, found.device, found.verdict) == (0, "CPU", Verdict.FITS)


def test_a_gpu_without_room_for_a_layer_reads_prompts_unless_it_is_to_be_left_alone() -> None:
    machine = [gpu(750_000_000), cpu(16 * GB)]

    found, alone, full = (
        choose(SEVEN, devices, wishes)
        for devices, wishes in (
            (machine, Wishes()),
            (machine, Wishes(gpu_layers=0)),
            ([gpu(500_000_000), cpu(16 * GB)], Wishes()),
        )
    )

    assert {each.gpu_layers for each in (found, alone, full)} == {0}
    assert (found.is_read_on_gpu, alone.is_read_on_gpu, full.is_read_on_gpu) == (True, False, False)
    assert found.why[-1] == "CUDA0 reads prompts: it has no room for a layer"


@pytest.mark.parametrize(("asked", "given"), [(0, 0), (5, 5), (99, 32)])
def test_layers_that_somebody_asks_for_are_given(asked: int, given: int) -> None:
    found = choose(SEVEN, [gpu(2 * GB), cpu(16 * GB)], Wishes(gpu_layers=asked))

    assert found.gpu_layers == given


def test_weights_that_a_cpu_gets_in_another_layout_are_not_mapped() -> None:
    anew = replace(SEVEN, is_repacked=True)
    machine = [gpu(8 * GB), cpu(16 * GB)]

    assert not choose(anew, [cpu(16 * GB)], Wishes()).is_mapped
    assert choose(anew, machine, Wishes()).is_mapped
    assert not choose(anew, machine, Wishes(gpu_layers=5)).is_mapped


def test_windows_are_kept_small_only_where_memory_is_short() -> None:
    windowed = replace(SEVEN, layers=(Layer(4096, 4096, 512), Layer(4096, 4096)) * 16)
    asked = Wishes(context=4096, is_exact=True)

    assert choose(windowed, [cpu(16 * GB)], asked).has_whole_windows
    tight = choose(windowed, [cpu(int(5.8 * GB))], asked)
    assert not tight.has_whole_windows
    assert tight.needs.cache == (1024 + 256) << 20
    assert "window" in tight.why[1]


def test_what_nobody_knows_is_loaded_as_was_asked() -> None:
    found = choose(Shape(weights=GB, layers=()), [cpu(2 * GB)], Wishes(context=2048))

    assert (found.verdict, found.context) == (Verdict.FITS, 2048)


@given(
    free=st.integers(0, 20 * GB),
    on_gpu=st.integers(0, 20 * GB),
    context=st.integers(64, 100_000),
    cache=st.sampled_from(sorted(BITS)),
)
def test_what_is_said_to_fit_fits(free: int, on_gpu: int, context: int, cache: str) -> None:
    found = choose(SEVEN, [gpu(on_gpu), cpu(free or 1, 20 * GB)], Wishes(context, cache=cache))

    assert 0 <= found.gpu_layers <= 32
    assert 64 <= found.context <= 4096
    if found.verdict is Verdict.SHORTENED and not found.gpu_layers:
        assert found.needs.total <= free


def test_a_prompt_is_read_in_smaller_parts_before_a_context_is_shortened() -> None:
    small = choose(SEVEN, [cpu(5_180_000_000)], Wishes(context=2048))
    asked = choose(SEVEN, [cpu(16 * GB)], Wishes(batch=64, flash=False, is_mapped=False))

    assert (small.context, small.batch) == (2048, SMALL_BATCH)
    assert any("512 would not fit" in each for each in small.why)
    assert (asked.batch, asked.flash, asked.is_mapped) == (64, False, False)
    said = [each for each in asked.why if each.endswith(": as was asked")]
    assert [each.split()[0] for each in said] == ["not", "64", "flash"]


def test_a_quantised_cache_has_flash_attention_on() -> None:
    found = choose(SEVEN, [cpu(16 * GB)], Wishes(cache="q8_0"))

    assert found.flash is True
    assert "flash attention on: keys and values in q8_0 need it" in found.why


def test_without_flash_attention_computing_takes_more() -> None:
    with_it, without = (
        choose(SEVEN, [cpu(64 * GB)], Wishes(context=4096, flash=each)).needs
        for each in (True, False)
    )

    assert without.compute > with_it.compute


def test_what_a_model_sees_with_counts(tmp_path: Path) -> None:
    file = tiny_mmproj.write(tmp_path / "mmproj.gguf")
    eyes = projector(read_file(file), file.stat().st_size)
    seeing = replace(SEVEN, projector=eyes)

    blind, sees = (choose(each, [cpu(16 * GB)], Wishes()) for each in (SEVEN, seeing))

    assert eyes > file.stat().st_size
    assert sees.needs.total == blind.needs.total + eyes
    assert any(each.startswith("it sees images") for each in sees.why)
    there = [choose(each, [gpu(16 * GB), cpu(16 * GB)], Wishes()) for each in (SEVEN, seeing)]
    assert {each.gpu_layers for each in there} == {32}
    assert there[0].why != there[1].why
