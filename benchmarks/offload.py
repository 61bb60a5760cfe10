"""What herd makes of an NVIDIA GPU: its speed, its memory, and what is given back of it.

    python benchmarks/offload.py MODEL.gguf [--only layers,switch,given,crowded]
        [--layers 0,1,16,-1] [--free 7000,4000,1200,600]

Memory is what `nvidia-smi` says of the whole GPU, in MiB, so nothing else should use it. `--free`
are the MiB that another program leaves (this script's own child, which takes the rest).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from herd.chat import Role, Turn
from herd.engine import Began, Engine, Finished, Loadable
from herd.errors import HerdError
from herd.model import Sampling

TEMPLATE = "{% for turn in messages %}{{ turn.content }}{% endfor %}"
MIB = 1 << 20
SOON = 5.0
"""Seconds within which memory must be back."""

HOLD = """
import ctypes, sys
cuda = ctypes.CDLL("libcudart.so.13")
free, whole, place = ctypes.c_size_t(), ctypes.c_size_t(), ctypes.c_void_p()
cuda.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(whole))
size = ctypes.c_size_t(free.value - int(sys.argv[1]) * (1 << 20))
print(cuda.cudaMalloc(ctypes.byref(place), size), flush=True)
sys.stdin.read()
"""


def main() -> None:
    wanted = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    wanted.add_argument("model", type=Path)
    wanted.add_argument("--only", default="layers,switch,given,crowded")
    wanted.add_argument("--layers", type=numbers, default=[0, 1, 16, -1])
    wanted.add_argument("--free", type=numbers, default=[7000, 4000, 1200, 600])
    given = wanted.parse_args()
    parts = {"layers": layers, "switch": switch, "given": given_back, "crowded": crowded}
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only.split(","):
            print(f"\n{name}", flush=True)
            parts[name](given, Path(folder))


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def used() -> int:
    """MiB of the GPU that are taken."""
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(said.split()[0])


def layers(given: argparse.Namespace, folder: Path) -> None:
    """Each number of layers on the GPU, and other ways to load it with all of them there."""
    model = Loadable("it", given.model, template=TEMPLATE)
    ways: list[dict[str, object]] = [{"gpu_layers": each} for each in given.layers]
    ways += [{"cache": "q8_0"}, {"flash": False}, {"batch": 2048}]
    for way in ways:
        engine = Engine(folder / "log")
        words = ", ".join(f"{key} {value}" for key, value in way.items())
        shown(engine, replace(model, **way), words)  # type: ignore[arg-type]
        engine.close()
        print(f"    left: {used()} MiB are taken", flush=True)


def switch(given: argparse.Namespace, folder: Path) -> None:
    """Two models, there and back."""
    other = folder / "other.gguf"
    other.symlink_to(given.model.absolute())
    engine = Engine(folder / "log")
    for name, path in (("one", given.model), ("other", other), ("one", given.model)):
        began = time.perf_counter()
        engine.ensure(Loadable(name, path, template=TEMPLATE))
        spent = time.perf_counter() - began
        warm = ", ".join(each.reference for each in engine.states)
        print(f"  {name:6} {spent:6.2f} s, {used():6} MiB are taken, warm: {warm}", flush=True)
    engine.close()


def given_back(given: argparse.Namespace, folder: Path) -> None:
    """What is taken after a model left, and after its process was killed."""
    engine = Engine(folder / "log")
    model = Loadable("it", given.model, template=TEMPLATE)
    before = used()
    for how in ("left", "killed"):
        engine.ensure(model)
        taken, pid = used(), engine._pool.warm()[0].process.pid  # noqa: SLF001
        began = time.perf_counter()
        if how == "left":
            engine.stop("it")
        else:
            os.kill(pid, signal.SIGKILL)
        while used() > before and time.perf_counter() - began < SOON:
            time.sleep(0.02)
        spent = time.perf_counter() - began
        print(f"  {how:7} {taken} MiB, {used()} MiB after {spent:.2f} s", flush=True)
    engine.close()


def crowded(given: argparse.Namespace, folder: Path) -> None:
    """Beside a program that leaves little of the GPU."""
    for free in given.free:
        command = [sys.executable, "-c", HOLD, str(free)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout
            assert holder.stdin
            assert holder.stdout.readline().strip() == "0", "cudaMalloc gives nothing"
            for wish in (-1, 999):
                engine = Engine(folder / "log")
                model = Loadable("it", given.model, template=TEMPLATE, gpu_layers=wish)
                shown(engine, model, f"{free} MiB free, gpu_layers {wish}")
                engine.close()
            holder.stdin.close()


def shown(engine: Engine, model: Loadable, words: str) -> None:
    """Load it, have it answer, and show a line of what that took, or the error."""
    before = used()
    try:
        ready = engine.ensure(model)
        for beginning in ("Hum", "Wool"):  # the first one warms up
            reading, writing = speeds(engine, model, beginning)
    except HerdError as error:
        print(f"  {words:32} {error.message} {error.hint}", flush=True)
        return
    held = engine.states[0].memory // MIB
    print(
        f"  {words:32} {ready.gpu_layers:3} of {ready.layers} layers on {ready.device}, "
        f"{ready.seconds:5.2f} s to load, {used() - before:6} MiB of the GPU, "
        f"{held:6} MiB of the machine, reads {reading:6.0f}/s, writes {writing:6.1f}/s\n"
        f"    {'; '.join(ready.why)}",
        flush=True,
    )


def speeds(engine: Engine, model: Loadable, beginning: str) -> tuple[float, float]:
    """Tokens per second that it reads, and that it writes."""
    turns = [Turn(Role.USER, f"{beginning} " + "llama wool hum hill " * 20)]
    sampling, began, finished = Sampling(temperature=0.0, max_tokens=64), None, None
    for piece in engine.answer(model, turns, sampling, threading.Event()):
        began = piece if isinstance(piece, Began) else began
        finished = piece if isinstance(piece, Finished) else finished
    assert began
    assert finished
    reading = (began.prompt_tokens - began.reused_tokens) / finished.first_token_seconds
    return reading, (finished.tokens - 1) / max(1e-9, finished.seconds)


if __name__ == "__main__":
    main()
