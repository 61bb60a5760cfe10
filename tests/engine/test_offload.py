"""What goes to a GPU and what does not, as an NVIDIA H200 showed it; the GPU here is told of."""

from __future__ import annotations

import ctypes
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from herd.engine import Loadable, Settings, binding, hardware, loading, talker
from herd.engine.load_failures import what_it_lacks
from herd.engine.loading import Wanted
from herd.engine.placing import placed
from herd.engine.protocol import Load
from herd.engine.stop_flag import StopFlag
from herd.errors import EngineFailed
from herd.fit import Device, Placement
from tests.engine.conftest import MakeEngine

MB = 1 << 20
CPU = Device("CPU", is_gpu=False, free=8 << 30, total=8 << 30)


def gpu(free: int) -> Device:
    return Device("CUDA0", is_gpu=True, free=free, total=8 << 30)


def told(monkeypatch: pytest.MonkeyPatch, model: Loadable, layers: int) -> Any:
    """What llama.cpp is told to load it with."""
    seen: list[Any] = []
    monkeypatch.setattr(
        binding.api, "llama_model_load_from_file", lambda _, params: seen.append(params)
    )
    given = Load(model, Settings(gpu_layers=layers))
    placement = placed(model, given.settings, [gpu(6 << 30), CPU])
    loading.load(Wanted(model.reference, model.path, placement, 1), StopFlag(), lambda _: None)
    return seen[0]


def test_no_layers_is_no_gpu_at_all(monkeypatch: pytest.MonkeyPatch, tiny: Loadable) -> None:
    params = told(monkeypatch, tiny, 0)

    devices = ctypes.cast(params.devices, ctypes.POINTER(ctypes.c_void_p))
    assert params.devices
    assert devices[0] is None
    assert params.n_gpu_layers == 0


def test_a_gpu_that_only_reads_prompts_is_not_taken_away(
    monkeypatch: pytest.MonkeyPatch, tiny: Loadable
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        binding.api, "llama_model_load_from_file", lambda _, params: seen.append(params)
    )
    placement = replace(placed(tiny, Settings(gpu_layers=0), [CPU]), is_read_on_gpu=True)

    loading.load(Wanted("it", tiny.path, placement, 1), StopFlag(), lambda _: None)

    assert not seen[0].devices
    assert seen[0].n_gpu_layers == 0


@pytest.mark.parametrize(("asked", "counted"), [(1, 2), (-1, 3)])
def test_as_many_layers_go_there_as_were_asked_for_and_the_output(
    monkeypatch: pytest.MonkeyPatch, tiny: Loadable, asked: int, counted: int
) -> None:
    params = told(monkeypatch, tiny, asked)

    assert params.n_gpu_layers == counted
    assert not params.devices


class Ggml:
    """A CPU and a GPU; whoever asks a GPU for its memory takes some of it."""

    def __init__(self) -> None:
        self.asked: list[int] = []

        def memory(handle: int, free: Any, whole: Any) -> None:
            self.asked.append(handle)
            free._obj.value, whole._obj.value = 5 << 30, 8 << 30

        self.ggml_backend_dev_count = _Function(lambda: 2)
        self.ggml_backend_dev_get = _Function(lambda at: at + 1)
        self.ggml_backend_dev_type = _Function(lambda handle: 2 - handle)
        self.ggml_backend_dev_name = _Function(lambda handle: [b"CUDA0", b"CPU"][handle - 1])
        self.ggml_backend_dev_description = _Function(lambda _: b"NVIDIA  H200")
        self.ggml_backend_dev_memory = _Function(memory)
        self.ggml_backend_reg_count = _Function(lambda: 0)
        self.ggml_backend_reg_get = self.ggml_backend_reg_name = _Function(lambda _: b"")


class _Function:
    """As ctypes has them: callable, and told its types."""

    restype: object = None
    argtypes: object = None

    def __init__(self, act: Any) -> None:
        self._act = act

    def __call__(self, *given: object) -> object:
        return self._act(*given)


def test_a_gpu_that_is_not_wanted_is_not_asked_for_its_memory() -> None:
    library = cast("ctypes.CDLL", fake := Ggml())

    assert [each.name for each in hardware.devices(library, has_gpus=False)] == ["CPU"]
    assert fake.asked == []

    there = hardware.devices(library)
    assert [(each.name, each.is_gpu) for each in there] == [("CUDA0", True), ("CPU", False)]
    assert there[0].free == 5 << 30
    assert there[0].description == "NVIDIA H200"


@pytest.mark.parametrize(
    ("device", "layers", "looks"), [(None, 0, False), ("CPU", -1, False), (None, -1, True)]
)
def test_who_stays_on_the_cpu_does_not_look_at_gpus(
    monkeypatch: pytest.MonkeyPatch, tiny: Loadable, device: str | None, layers: int, looks: bool
) -> None:
    library = Ggml()
    monkeypatch.setattr(binding.ggml, "libggml", library)
    model = Loadable(tiny.reference, tiny.path, device=device)

    loading.devices(Load(model, Settings(gpu_layers=layers)))

    assert bool(library.asked) is looks


class Full:
    """llama.cpp beside another program that took the GPU's memory meanwhile."""

    room = 0
    placements: list[Placement]

    def __init__(self, wanted: Wanted, *_: object) -> None:
        self.placements.append(wanted.placement)
        if wanted.placement.gpu_layers > self.room:
            raise loading.NoRoom("It could not be loaded: there is not enough memory for it.")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> type[Full]:
    monkeypatch.setattr(Full, "placements", [], raising=False)
    monkeypatch.setattr(talker, "Llama", Full)
    monkeypatch.setattr(loading, "devices", lambda _: (gpu(6 << 30), CPU))
    return Full


def loaded(model: Loadable, layers: int = -1) -> Wanted:
    load = Load(model, Settings(gpu_layers=layers))
    return talker._loaded(load, StopFlag(), lambda _: None)[0]


def test_a_gpu_that_is_full_after_all_is_left_alone(full: type[Full], tiny: Loadable) -> None:
    placement = loaded(tiny).placement

    assert (placement.gpu_layers, placement.device) == (0, "CPU")
    assert placement.why[-1] == "2 layers did not fit on CUDA0 after all"
    assert full.placements[0].gpu_layers == 2


def test_layers_that_somebody_asked_for_and_that_do_not_fit_are_one_sentence(
    full: type[Full], tiny: Loadable
) -> None:
    with pytest.raises(EngineFailed, match="not enough memory") as caught:
        loaded(tiny, 2)

    assert type(caught.value) is EngineFailed, "the parent knows this one"
    assert "leave out --gpu-layers" in str(caught.value.hint)
    assert len(full.placements) == 1


def test_a_machine_without_memory_is_no_matter_of_gpus(
    full: type[Full], tiny: Loadable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full, "room", -1)

    with pytest.raises(EngineFailed, match="not enough memory") as caught:
        loaded(tiny)

    assert "gpu" not in str(caught.value.hint)
    assert full.placements[-1].gpu_layers == 0


@pytest.fixture
def without_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A llama-cpp-python for CUDA, on a machine without NVIDIA's driver."""
    package = tmp_path / "site" / "llama_cpp"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_ggml.py").write_text(
        "raise RuntimeError('Failed to load shared library: libcuda.so.1: cannot open shared '\n"
        "    'object file: No such file or directory')\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(package.parent), str(Path.cwd()))))


@pytest.mark.usefixtures("without_driver")
@pytest.mark.parametrize("looks", [True, False])
def test_a_library_that_does_not_load_is_one_sentence_whoever_asks(
    make_engine: MakeEngine, looks: bool, tiny: Loadable
) -> None:
    engine = make_engine()

    with pytest.raises(EngineFailed, match=r"does not load: .*libcuda\.so\.1") as caught:
        engine.look() if looks else engine.ensure(tiny)

    assert "NVIDIA driver" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("libcuda.so.1: cannot open shared object file: No such file", "the NVIDIA driver"),
        ("libcublas.so.13: cannot open shared object file: No such file", "LD_LIBRARY_PATH"),
        ("No module named 'llama_cpp'", "Install it"),
        ("version `GLIBC_2.38' not found (required by libggml-cpu.so.0)", "Install it"),
    ],
)
def test_what_lacks_for_a_library_is_said(said: str, what: str) -> None:
    assert what in what_it_lacks(said)
