"""What ggml can compute on here, from its own list of devices. In the child.

`library` is ggml's, which `llama.py` alone opens.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable

from herd.engine.memory import available
from herd.fit import Device
from herd.memory import memory

_CPU, _GPU, _SHARED_GPU = 0, 1, 2  # enum ggml_backend_dev_type; others only help the CPU


def devices(library: ctypes.CDLL, *, has_gpus: bool = True) -> tuple[Device, ...]:
    """The CPU and every GPU that this build can use, with their memory.

    Args:
        library: ggml's.
        has_gpus: Whether to look at GPUs: who asks CUDA for its free memory takes 500 MB of it.
    """
    count, get = library.ggml_backend_dev_count, library.ggml_backend_dev_get
    count.restype, get.restype, get.argtypes = ctypes.c_size_t, ctypes.c_void_p, [ctypes.c_size_t]
    kind = library.ggml_backend_dev_type
    kind.argtypes = [ctypes.c_void_p]
    found = [(handle, kind(handle)) for handle in map(get, range(count()))]
    last = _SHARED_GPU if has_gpus else _CPU
    return tuple(_device(library, *each) for each in found if each[1] <= last)


def backends(library: ctypes.CDLL) -> tuple[str, ...]:
    """What this build computes with: `CPU`, `CUDA`, `Metal`, `Vulkan`, `RPC` ..."""
    count, get, name = (
        getattr(library, f"ggml_backend_reg_{each}") for each in ("count", "get", "name")
    )
    count.restype, get.restype, get.argtypes = ctypes.c_size_t, ctypes.c_void_p, [ctypes.c_size_t]
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    return tuple(name(get(at)).decode(errors="replace") for at in range(count()))


_connected: set[str] = set()


def connect(library: ctypes.CDLL, servers: Iterable[str]) -> tuple[str, ...]:
    """Take llama.cpp's RPC servers among the devices, each once; those that give none.

    Args:
        library: ggml's.
        servers: Each `host:port`.
    """
    add = None
    missing = []
    for server in servers:
        if server in _connected:
            continue
        add = add or _adder(library)
        registry = add(server.encode()) if add else None
        if registry:
            library.ggml_backend_register.argtypes = [ctypes.c_void_p]
            library.ggml_backend_register(registry)
            _connected.add(server)
        else:
            missing.append(server)
    return tuple(missing)


def _adder(library: ctypes.CDLL) -> Callable[[bytes], int | None] | None:
    """What RPC servers are added with; None: this build knows none (GGML_RPC)."""
    find, address = library.ggml_backend_reg_by_name, library.ggml_backend_reg_get_proc_address
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    address.restype, address.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]
    rpc = find(b"RPC")
    found = address(rpc, b"ggml_backend_rpc_add_server") if rpc else None
    return ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p)(found) if found else None


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
    free, whole = _memory(library, handle) if kind != _CPU else (available(), memory())
    return Device(
        name(handle).decode(errors="replace"),
        is_gpu=kind != _CPU,
        free=free,
        total=whole,
        description=" ".join(make(handle).decode(errors="replace").split()),
    )


def _memory(library: ctypes.CDLL, handle: int) -> tuple[int, int]:
    """Free and total bytes."""
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
