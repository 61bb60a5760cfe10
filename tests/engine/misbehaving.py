"""A child that misbehaves: `python misbehaving.py MODE`. It speaks the protocol where it must."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

READY = {
    "reference": "fake",
    "context": 4096,
    "trained_context": 4096,
    "template": "the model's own",
    "device": "CPU",
    "gpu_layers": 0,
    "layers": 2,
    "seconds": 0.1,
    "threads": 2,
    "cache": "f16",
    "batch": 512,
    "is_flash": True,
    "sees": False,
    "is_mapped": True,
    "expected": 1000,
    "verdict": "fits",
    "why": ["context 4,096"],
}


def requests() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def say(number: int, kind: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"number": number, "kind": kind, **fields}) + "\n")
    sys.stdout.flush()


def get_ready() -> Iterator[int]:
    """Load whatever is asked for; yields the numbers of questions."""
    for request in requests():
        if request["kind"] == "Load":
            say(request["number"], "Ready", **READY)
        elif request["kind"] == "Ask":
            yield request["number"]


def speaks_garbage() -> None:
    for _ in requests():
        sys.stdout.write("llama_model_loader: loaded meta data\n")
        sys.stdout.flush()


def speaks_without_end() -> None:
    next(requests())
    while True:
        os.write(1, b"a" * 65536)


def lies_about_types() -> None:
    for request in requests():
        say(request["number"], "Ready", **READY | {"context": "many"})


def is_silent() -> None:
    for _ in requests():
        pass
    time.sleep(3600)


def answers_in_silence() -> None:
    for _ in get_ready():
        time.sleep(3600)


def never_reads() -> None:
    time.sleep(3600)


def never_stops() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number in get_ready():
        say(number, "Began", prompt_tokens=1, reused_tokens=0, left_out=0)
        while True:
            say(number, "Text", text="and ")
            time.sleep(0.001)


def hears_late() -> None:
    """It is deep in an image, and says nothing until the file FAKE_END is there."""
    for number in get_ready():
        say(number, "Began", prompt_tokens=1, reused_tokens=0, left_out=0)
        while not Path(os.environ["FAKE_END"]).exists():
            time.sleep(0.001)
        say(number, "Sign", fraction=0.5)
        say(number, "Finished", reason="stop", tokens=7, seconds=0.1, first_token_seconds=0.1)


def dies_in_a_word() -> None:
    for number in get_ready():
        say(number, "Began", prompt_tokens=1, reused_tokens=0, left_out=0)
        say(number, "Text", text="half")
        sys.stdout.write('{"number": 2, "kind": "Te')
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGSEGV)


def closes_its_mouth() -> None:
    os.close(1)
    time.sleep(3600)


def runs_out_of_memory() -> None:
    next(requests())
    os.kill(os.getpid(), signal.SIGKILL)


def exits_at_once() -> None:
    sys.exit(3)


def has_a_gpu() -> None:
    """It has room for one model: FAKE_GPU is a folder with a file for each process there."""
    folder = Path(os.environ["FAKE_GPU"])
    for request in requests():
        others = [path for path in folder.iterdir() if Path("/proc", path.name).exists()]
        if request["kind"] == "Look":
            free = 0 if others else 8 << 30
            gpu = {"name": "CUDA0", "is_gpu": True, "free": free, "total": 8 << 30}
            more = {"description": ""}
            say(
                request["number"],
                "Machine",
                devices=[gpu | more],
                features=[],
                backends=["CPU", "CUDA"],
            )
        elif request["kind"] == "Load":
            layers = 0 if others else 2
            if layers:
                (folder / str(os.getpid())).touch()
            here = {"gpu_layers": layers, "reference": request["model"]["reference"]}
            say(request["number"], "Ready", **READY | here)


def has_a_large_gpu() -> None:
    """It has room for all models."""
    for request in requests():
        if request["kind"] == "Look":
            gpu = {"name": "CUDA0", "is_gpu": True, "free": 80 << 30, "total": 80 << 30}
            devices, backends = [gpu | {"description": ""}], ["CPU", "CUDA"]
            say(request["number"], "Machine", devices=devices, features=[], backends=backends)
        elif request["kind"] == "Load":
            here = {"gpu_layers": 2, "reference": request["model"]["reference"]}
            say(request["number"], "Ready", **READY | here)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
