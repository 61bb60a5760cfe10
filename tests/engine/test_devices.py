"""What there is to compute on, and what a machine has that llama.cpp was not built for."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from herd.engine import Engine, Finished, Loadable, Settings, gpus, hardware, trial
from herd.engine.gpus import Gpu
from herd.engine.hardware import features
from herd.errors import EngineFailed
from herd.gguf_header import read_file
from herd.memory import memory
from tests.engine.asking import GREEDY, user
from tests.engine.conftest import MakeEngine


def test_the_engine_says_what_there_is_to_compute_on(engine: Engine) -> None:
    machine = engine.look()

    (cpu,) = [each for each in machine.devices if not each.is_gpu]
    assert cpu.name == "CPU"
    assert 0 < cpu.free <= cpu.total == memory()
    assert machine.features
    assert engine.states == ()


def test_looking_costs_no_process_of_its_own(engine: Engine, tiny: Loadable) -> None:
    engine.look()
    spare = engine._pool._spare

    engine.ensure(tiny)

    assert spare is engine._pool.warm()[0].process


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
    assert pieces[-1].tokens > 1, "its end is not the first thing that it says"
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


@pytest.mark.parametrize(
    ("value", "is_hidden"),
    [("", True), ("-1", True), ("-1,0", True), ("none", True), ("0", False), ("GPU-8932", False)],
)
def test_a_variable_that_hides_the_gpus_is_known(
    monkeypatch: pytest.MonkeyPatch, value: str, is_hidden: bool
) -> None:
    monkeypatch.setattr(gpus, "gpus", lambda: (Gpu("NVIDIA"),))
    monkeypatch.setattr(gpus, "backends", lambda: ("cuda",))
    given = {"CUDA_VISIBLE_DEVICES": value}

    assert gpus.hidden(given) == ("CUDA_VISIBLE_DEVICES" if is_hidden else None)
    assert gpus.hidden({}) is None

    monkeypatch.setattr(gpus, "backends", lambda: ())
    assert gpus.hidden(given) is None


class Library:
    """Of ggml what RPC needs: a server at one address, which gives a device when it is added."""

    def __init__(self, *, knows_rpc: bool) -> None:
        self.registered: list[int] = []
        self.asked: list[bytes] = []

        def add(server: bytes) -> int | None:
            self.asked.append(server)
            return 77 if server == b"10.0.0.2:50052" else None

        self._add = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)(add)
        address = ctypes.cast(self._add, ctypes.c_void_p).value
        names = [b"CPU", b"RPC"] if knows_rpc else [b"CPU"]
        self.ggml_backend_reg_count = _Function(lambda: len(names))
        self.ggml_backend_reg_get = _Function(lambda at: at)
        self.ggml_backend_reg_name = _Function(lambda at: names[at])
        self.ggml_backend_reg_by_name = _Function(lambda name: 5 if name in names else None)
        self.ggml_backend_reg_get_proc_address = _Function(lambda *_: address)
        self.ggml_backend_register = _Function(self.registered.append)


class _Function:
    """As ctypes has them: callable, and told its types."""

    restype: object = None
    argtypes: object = None

    def __init__(self, act: Callable[..., object]) -> None:
        self._act = act

    def __call__(self, *given: object) -> object:
        return self._act(*given)


def test_an_rpc_server_is_added_once_and_one_that_gives_nothing_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardware, "_connected", set())
    library = cast("ctypes.CDLL", fake := Library(knows_rpc=True))

    assert hardware.backends(library) == ("CPU", "RPC")
    assert hardware.connect(library, ["10.0.0.2:50052"]) == ()
    assert hardware.connect(library, ["10.0.0.2:50052", "10.0.0.3:50052"]) == ("10.0.0.3:50052",)

    assert fake.registered == [77]
    assert fake.asked == [b"10.0.0.2:50052", b"10.0.0.3:50052"]


def test_a_build_without_rpc_gives_no_device_of_another_machine() -> None:
    library = cast("ctypes.CDLL", Library(knows_rpc=False))

    assert hardware.connect(library, ["10.0.0.9:50052"]) == ("10.0.0.9:50052",)


def test_rpc_alone_makes_no_gpu_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "gpus", lambda: (Gpu("AMD"),))
    monkeypatch.setattr(gpus, "backends", lambda: ("rpc",))

    assert gpus.missed() == Gpu("AMD")
    assert '-DGGML_RPC=on"' in gpus.build_command("RPC")


def test_a_server_that_this_build_cannot_use_is_one_sentence(
    make_engine: MakeEngine, tiny: Loadable
) -> None:
    engine = make_engine(settings=Settings(rpc=("127.0.0.1:1",)))

    with pytest.raises(EngineFailed, match=r"cannot compute on other machines \(RPC\)"):
        engine.look()
    with pytest.raises(EngineFailed, match=r"cannot compute on other machines \(RPC\)"):
        engine.ensure(tiny)
