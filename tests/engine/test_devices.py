"""What there is to compute on, and what a machine has that llama.cpp was not built for."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from herd.engine import Engine, Finished, Loadable, gpus, trial
from herd.engine.gpus import Gpu
from herd.engine.hardware import features
from herd.engine.memory import total
from herd.gguf_header import read_file
from tests.engine.asking import GREEDY, user


def test_the_engine_says_what_there_is_to_compute_on(engine: Engine) -> None:
    machine = engine.look()

    (cpu,) = [each for each in machine.devices if not each.is_gpu]
    assert cpu.name == "CPU"
    assert 0 < cpu.free <= cpu.total == total()
    assert machine.features
    assert engine.states == ()


def test_looking_costs_no_process_of_its_own(engine: Engine, tiny: Loadable) -> None:
    engine.look()
    spare = engine._household._spare

    engine.ensure(tiny)

    assert spare is engine._household.warm()[0].process


def test_the_features_are_what_llama_cpp_says_is_on() -> None:
    assert features(b"CPU : AVX2 = 1 | FMA = 0 | REPACK = 1 | CUDA : ARCHS = 890 | ") == (
        "AVX2",
        "REPACK",
    )
    assert features(b"") == ()


def test_a_trial_model_loads_and_speaks(engine: Engine, tmp_path: Path) -> None:
    model = Loadable("a trial", trial.write(tmp_path / "trial.gguf"), device="CPU")

    pieces = list(engine.answer(model, [user("llama")], GREEDY, threading.Event()))

    assert isinstance(pieces[-1], Finished)
    assert pieces[-1].tokens > 0
    assert read_file(model.path).end == model.path.stat().st_size


def test_a_trial_model_is_the_same_every_time(tmp_path: Path) -> None:
    one, two = (trial.write(tmp_path / name).read_bytes() for name in "ab")

    assert one == two


def touch(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_gpus_are_known_by_what_the_system_says(tmp_path: Path) -> None:
    assert gpus.gpus(tmp_path, "linux") == ()
    touch(tmp_path / "proc/driver/nvidia/version")
    touch(tmp_path / "sys/class/drm/card0/device/vendor", "0x8086\n")
    touch(tmp_path / "sys/class/drm/card1/device/vendor", "0x1002\n")
    touch(tmp_path / "sys/class/drm/card2/device/vendor", "0x1234\n")

    assert gpus.gpus(tmp_path, "linux") == (
        Gpu("NVIDIA"),
        Gpu("Intel", is_integrated=True),
        Gpu("AMD"),
    )


@pytest.mark.parametrize(
    ("vendor", "flag"), [("NVIDIA", "CUDA"), ("AMD", "VULKAN"), ("Apple", "METAL")]
)
def test_the_command_that_builds_for_a_gpu_is_whole(vendor: str, flag: str) -> None:
    command = gpus.build_command(vendor)

    assert command.startswith(f'CMAKE_ARGS="-DGGML_{flag}=on" {sys.executable} -m pip install ')
    assert "--force-reinstall --no-cache-dir --no-deps llama-cpp-python==" in command


def test_a_gpu_that_cannot_be_used_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    found: tuple[Gpu, ...] = (Gpu("Intel", is_integrated=True), Gpu("AMD"))
    monkeypatch.setattr(gpus, "gpus", lambda: found)
    monkeypatch.setattr(gpus, "backends", lambda: ())
    assert gpus.missed() == Gpu("AMD")

    monkeypatch.setattr(gpus, "backends", lambda: ("vulkan",))
    assert gpus.missed() is None
