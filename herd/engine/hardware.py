"""What ggml can compute on here, from its own list of devices. In the child.

`library` is ggml's, which `llama.py` alone opens.
"""

from __future__ import annotations

import ctypes

from herd.engine.memory import available, total
from herd.fit import Device

_CPU, _GPU, _SHARED_GPU = 0, 1, 2  # enum ggml_backend_dev_type; others only help the CPU


def devices(library: ctypes.CDLL) -> tuple[Device, ...]:
    """The CPU and every GPU that this build can use, with their memory."""
    count, get = library.ggml_backend_dev_count, library.ggml_backend_dev_get
    count.restype, get.restype, get.argtypes = ctypes.c_size_t, ctypes.c_void_p, [ctypes.c_size_t]
    kind = library.ggml_backend_dev_type
    kind.argtypes = [ctypes.c_void_p]
    found = [(handle, kind(handle)) for handle in map(get, range(count()))]
    return tuple(_device(library, *each) for each in found if each[1] <= _SHARED_GPU)


def handle(library: ctypes.CDLL, name: str) -> int | None:
    """Ggml's own handle of a device; None for the CPU, which is always there, and for no device."""
    find = library.ggml_backend_dev_by_name
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    library.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    found: int | None = find(name.encode())
    return found if found and library.ggml_backend_dev_type(found) != _CPU else None


def _device(library: ctypes.CDLL, handle: int, kind: int) -> Device:
    name, make = library.ggml_backend_dev_name, library.ggml_backend_dev_description
    for function in (name, make):
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_char_p
    free, whole = _memory(library, handle) if kind != _CPU else (available(), total())
    return Device(
        name(handle).decode(errors="replace"),
        is_gpu=kind != _CPU,
        free=free,
        total=whole,
        description=" ".join(make(handle).decode(errors="replace").split()),
        shares_memory=kind == _SHARED_GPU,
    )


def _memory(library: ctypes.CDLL, handle: int) -> tuple[int, int]:
    """Free and total bytes; a GPU that shares the machine's has no more free than it has."""
    ask = library.ggml_backend_dev_memory
    number = ctypes.POINTER(ctypes.c_size_t)
    ask.argtypes = [ctypes.c_void_p, number, number]
    ask.restype = None
    free, whole = ctypes.c_size_t(), ctypes.c_size_t()
    ask(handle, ctypes.byref(free), ctypes.byref(whole))
    return free.value, whole.value


def features(info: bytes) -> tuple[str, ...]:
    """What llama.cpp says it was built with, of its line `CPU : AVX2 = 1 | FMA = 1 | ...`."""
    words = info.decode(errors="replace").replace(":", "|").split("|")
    pairs = [word.split("=") for word in words if "=" in word]
    return tuple(name.strip() for name, value in pairs if value.strip() == "1")
