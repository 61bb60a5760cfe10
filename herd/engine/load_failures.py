"""Why a model did not load, in plain words, from what llama.cpp and the system said. Pure."""

from __future__ import annotations

import re
import signal

_MEMORY = re.compile(
    r"unable to allocate|failed to allocate|out of memory|bad_alloc|cudaMalloc failed"
    r"|ErrorOutOfDeviceMemory",
    re.IGNORECASE,
)
_GPU_MEMORY = re.compile(r"(?:CUDA|HIP) error: out of memory|ErrorOutOfDeviceMemory")
_CUT_SHORT = re.compile(
    r"not within the file bounds|corrupted or incomplete|failed to read|unexpectedly reached end"
    r"|failed to open GGUF|invalid magic|failed to load model from|read error",
    re.IGNORECASE,
)
_ARCHITECTURE = re.compile(r"unknown model architecture: '([^']{1,40})'")
_LIBRARY = re.compile(r"\blib(?P<name>\w+)\.so[.\d]*: cannot open shared object file")
_BUILD = "pip install --force-reinstall --no-cache-dir --no-deps llama-cpp-python"
_ERROR = re.compile(r"error loading model: *(?P<cause>[^\n]+)")


def speaks_of_memory(said: str) -> bool:
    """Whether llama.cpp complains that memory ran out."""
    return _MEMORY.search(said) is not None


def unknown_architecture(said: str) -> str | None:
    """The architecture that llama.cpp does not know, if that is what it says."""
    found = _ARCHITECTURE.search(said)
    return found[1] if found else None


def why_not_loaded(said: str) -> str:
    """The end of the sentence "X could not be loaded: ..."."""
    if architecture := unknown_architecture(said):
        return f"this build of llama.cpp does not know the architecture {_clean(architecture)}"
    if speaks_of_memory(said):
        return "there is not enough memory for it"
    if _CUT_SHORT.search(said):
        return "the file is damaged or incomplete"
    if found := _ERROR.search(said):
        return f"llama.cpp says: {_clean(found['cause'])}"
    return "llama.cpp does not say why"


def what_it_lacks(said: str) -> str:
    """What to do where llama.cpp's own library does not load, from what the linker said."""
    if found := _LIBRARY.search(said):
        if found["name"] == "cuda":
            return (
                "It was built for CUDA: install the NVIDIA driver, or build it for the CPU: "
                f"`{_BUILD}`."
            )
        if found["name"].startswith("cu"):
            return (
                "It was built for CUDA: `export LD_LIBRARY_PATH=FOLDER`, the one that has this "
                "library (of the CUDA toolkit, or nvidia/cu13/lib of pip's nvidia-cublas)."
            )
    return "Install it: `pip install llama-cpp-python`."


def how_it_died(code: int) -> str:
    """An exit status of a child, in words: a signal by its name."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def why_it_died(code: int, *, loading: bool, said: str) -> str:
    """The end of the sentence "The engine died (SIGABRT) while ...", empty if nobody knows.

    Args:
        code: The exit status of the child.
        loading: Whether a model was being loaded.
        said: What llama.cpp wrote since the child began.
    """
    if code == -signal.SIGKILL:
        return ": something killed it, most often the system when memory runs out"
    if code == -signal.SIGVTALRM:  # herd.engine.limits
        return ": its chat template, or the schema of the answer, does not come to an end"
    if _GPU_MEMORY.search(said):
        return ": the GPU's memory ran out; fewer --gpu-layers leave more of it"
    if speaks_of_memory(said):
        return ": there was not enough memory"
    if not loading and "empty grammar stack" in said:
        return ": nothing can be said that its JSON schema allows; write it more simply"
    return ": the file is probably damaged" if loading and code < 0 else ""


def _clean(text: str) -> str:
    """One short line without control characters, from a file that may be hostile."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:160].rstrip(". ")
