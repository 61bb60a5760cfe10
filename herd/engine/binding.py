"""llama-cpp-python's C API, opened without its Python: the one way to llama.cpp. In the child."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_DEBUG = 1  # enum ggml_log_level


def _open_without_running(name: str) -> None:
    """Make a package importable from without its `__init__`.

    That of llama_cpp imports numpy and the high-level class: 80 of 105 ms, for nothing here.
    """
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.modules[name] = importlib.util.module_from_spec(spec)


if "llama_cpp" not in sys.modules:
    _open_without_running("llama_cpp")
import llama_cpp._ggml as ggml  # noqa: E402
import llama_cpp.llama_cpp as api  # noqa: E402

__all__ = ["api", "ggml", "listen", "vision"]


def vision() -> Any:
    """The part of llama.cpp that makes tokens of images (libmtmd), opened when it is wanted.

    Raises:
        ImportError, OSError, RuntimeError: this build has none.
    """
    mtmd = importlib.import_module("llama_cpp.mtmd_cpp")
    mtmd.mtmd_helper_log_set(_LOG, None)
    return mtmd


def listen() -> Callable[[], str]:
    """What llama.cpp says from now on."""
    _said.clear()
    return lambda: "".join(_said)


_said: deque[str] = deque(maxlen=256)


def _log(level: int, text: bytes, _: object) -> None:
    """What llama.cpp says goes to the log, but for a thousand lines of details for each load."""
    if level != _DEBUG:
        _said.append(text.decode(errors="replace"))
        with suppress(OSError):
            os.write(2, text)


_LOG = api.llama_log_callback(_log)  # llama.cpp keeps no reference that Python would count
api.llama_log_set(_LOG, None)
api.llama_backend_init()
