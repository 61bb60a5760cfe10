"""Which GPUs this machine has, whatever llama.cpp was built for, and how to build it for them.

Only what the system says of itself is read; nothing is run and no library is loaded.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from herd.engine.memory import available
from herd.fit import Device
from herd.memory import memory

if TYPE_CHECKING:
    from herd.engine.engine import Engine

_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_FLAGS = {
    "NVIDIA": "-DGGML_CUDA=on",
    "AMD": "-DGGML_VULKAN=on",
    "Intel": "-DGGML_VULKAN=on",
    "Apple": "-DGGML_METAL=on",
    "RPC": "-DGGML_RPC=on",
}
_FOR = {
    "NVIDIA": {"cuda", "vulkan"},
    "AMD": {"hip", "vulkan"},
    "Intel": {"sycl", "vulkan"},
    "Apple": {"metal"},
}
_HIDING = (("cuda", "NVIDIA", "CUDA_VISIBLE_DEVICES"), ("hip", "AMD", "HIP_VISIBLE_DEVICES"))
_BACKENDS = ("cuda", "metal", "vulkan", "hip", "sycl", "musa", "opencl", "cann", "rpc")


@dataclass(frozen=True)
class Gpu:
    """A GPU that the machine has."""

    vendor: str
    is_integrated: bool = False
    """Whether it has no memory of its own; an old one of that kind gains nothing."""


def gpus(root: Path = Path("/"), system: str = sys.platform) -> tuple[Gpu, ...]:
    """The GPUs that the system knows of."""
    if system == "darwin":
        return (Gpu("Apple"),) if platform.machine() == "arm64" else ()
    found = []
    if (root / "proc/driver/nvidia/version").exists() or (root / "dev/nvidia0").exists():
        found.append(Gpu("NVIDIA"))
    for path in sorted((root / "sys/class/drm").glob("card[0-9]*/device/vendor")):
        vendor = _VENDORS.get(_read(path))
        if vendor and all(each.vendor != vendor for each in found):
            found.append(Gpu(vendor, is_integrated=vendor == "Intel"))
    return tuple(found)


def backends() -> tuple[str, ...]:
    """What the installed llama.cpp was built for beside the CPU, by its libraries."""
    found = importlib.util.find_spec("llama_cpp")
    if found is None or found.origin is None:
        return ()
    names = [path.name for path in (Path(found.origin).parent / "lib").glob("*ggml-*")]
    return tuple(each for each in _BACKENDS if any(f"ggml-{each}" in name for name in names))


def knows_rpc() -> bool:
    """Whether the installed llama.cpp can compute on other machines."""
    return "rpc" in backends()


def devices(engine: Engine) -> tuple[Device, ...]:
    """What models are loaded on; the engine is asked only where there may be more than a CPU."""
    if backends():
        return engine.look().devices
    return (Device("CPU", is_gpu=False, free=available(), total=memory()),)


def build_command(vendor: str) -> str:
    """What compiles llama.cpp for this GPU, or `RPC`, in the environment that herd runs in."""
    try:
        wanted = version("llama-cpp-python")
    except PackageNotFoundError:
        wanted = "0.3.36"
    return (
        f'CMAKE_ARGS="{_FLAGS[vendor]}" {sys.executable} -m pip install --force-reinstall '
        f"--no-cache-dir --no-deps llama-cpp-python=={wanted}"
    )


def missed() -> Gpu | None:
    """A GPU with a memory of its own that this build of llama.cpp cannot use."""
    if set(backends()) - {"rpc"}:
        return None
    return next((each for each in gpus() if not each.is_integrated), None)


def usable() -> tuple[Gpu, ...]:
    """The GPUs of this machine that this build of llama.cpp is for."""
    built = set(backends())
    return tuple(gpu for gpu in gpus() if built & _FOR[gpu.vendor])


def hidden(surroundings: Mapping[str, str]) -> str | None:
    """The variable that hides the GPUs from llama.cpp, which was built for them.

    Args:
        surroundings: The environment that the engine gets.
    """
    vendors = {gpu.vendor for gpu in gpus()}
    for backend, vendor, name in _HIDING:
        value = surroundings.get(name)
        if value is None or backend not in backends() or vendor not in vendors:
            continue
        first = value.split(",")[0].strip().lower()  # what comes behind an unknown one is not seen
        if first.startswith("-") or first in ("", "none", "void", "nodevfiles"):
            return name
    return None


def advice(said: Path) -> str | None:
    """What a person with an idle GPU should know, once for each build of llama.cpp.

    Args:
        said: Remembers what was said.
    """
    if name := hidden(os.environ):
        text = f"(The GPU lies idle: {name} hides it from llama.cpp.)"
    elif gpu := missed():
        command = build_command(gpu.vendor)
        text = f"(The {gpu.vendor} GPU lies idle: llama.cpp was not built for it. {command})"
    else:
        return None
    if _read(said) == text:
        return None
    with contextlib.suppress(OSError):
        said.parent.mkdir(parents=True, exist_ok=True)
        said.write_text(text)
    return text


def needs_first(vendor: str) -> str:
    """What must be there before the command can work, empty if nothing is missing."""
    if vendor == "NVIDIA" and not shutil.which("nvcc"):
        return "it needs the CUDA toolkit, whose compiler nvcc is not on the PATH"
    if _FLAGS[vendor].endswith("VULKAN=on") and not shutil.which("glslc"):
        return "it needs the Vulkan SDK, whose compiler glslc is not on the PATH"
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
