"""How fast an old 7B file becomes GGUF, beside `cp` and `cp` with fsync of the same file.

The file is made here: the shape, the types and the 4,212,727,017 bytes of
ggml-alpaca-7b-q4.bin, with random weights. Needs 13 GB of room for a while.

    python benchmarks/legacy.py [--folder DIR] [--rounds 3] [--keep OUT.gguf] [--q4-2]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

WIDTH, FEED_FORWARD, LAYERS, TOKENS = 4096, 11008, 32, 32000
VOCABULARY_SIZE = 304_574
ALPACA_SIZE = 4_212_727_017
F32, Q4_0, Q4_2 = 0, 2, 4
HERE = Path(__file__).resolve().parent.parent

CHILD = """
import json, sys, threading, time
from pathlib import Path
from herd.legacy import Facts, convert
from herd.progress import Gauge
done = convert(Path(sys.argv[1]), Path(sys.argv[2]), Facts("random"), Gauge(), threading.Event())
status = Path("/proc/self/status")
if status.exists():
    peak = next(int(l.split()[1]) for l in status.read_text().splitlines() if "VmHWM" in l)
else:
    import resource
    unit = 1024 if sys.platform == "darwin" else 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
print(json.dumps({"seconds": done.seconds, "peak": peak * 1024, "size": done.size}))
"""


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    wanted.add_argument("--folder", type=Path, help="where the large files go")
    wanted.add_argument("--rounds", type=int, default=3)
    wanted.add_argument("--keep", type=Path, help="keep the GGUF here, to load it")
    wanted.add_argument(
        "--q4-2", action="store_true", help="a ggjt file of Q4_2, made anew as Q8_0"
    )
    given = wanted.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        source = Path(folder, "ggml-7b.bin")
        write_model(source, Q4_2 if given.q4_2 else Q4_0)
        measure(source, given.rounds)
        if given.keep:
            converted = Path(folder, "kept.gguf")
            convert(source, converted)
            shutil.move(converted, given.keep)


def measure(source: Path, rounds: int) -> None:
    size = source.stat().st_size
    print(f"{source.name}: {size:,} bytes, {os.cpu_count()} processors")
    ways: dict[str, Callable[[Path, Path], dict[str, float]]] = {
        "cp": copy,
        "cp + fsync": copy_and_sync,
        "convert": convert,
    }
    for turn in range(rounds):
        for name, way in ways.items():
            target = source.with_name("target")
            os.sync()
            took = way(source, target)
            target.unlink()
            rate = size / took["seconds"] / 1e9
            peak = f", peak {took['peak'] / 1e6:.0f} MB" if "peak" in took else ""
            print(f"{turn + 1}  {name:10}  {took['seconds']:6.2f} s  {rate:5.2f} GB/s{peak}")


def copy(source: Path, target: Path) -> dict[str, float]:
    begun = time.perf_counter()
    subprocess.run(["cp", "--reflink=never", source, target], check=True)
    return {"seconds": time.perf_counter() - begun}


def copy_and_sync(source: Path, target: Path) -> dict[str, float]:
    begun = time.perf_counter()
    copy(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return {"seconds": time.perf_counter() - begun}


def convert(source: Path, target: Path) -> dict[str, float]:
    command = [sys.executable, "-c", CHILD, str(source), str(target)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def write_model(path: Path, kind: int) -> None:
    """The file, written as quickly as may be: one stretch of random blocks over and over."""
    is_old = kind == Q4_0
    with path.open("wb") as file:
        magic = b"lmgg" if is_old else b"tjgg" + struct.pack("<I", 1)
        ftype = 2 if is_old else 5
        file.write(magic + struct.pack("<7i", TOKENS, WIDTH, 256, 32, LAYERS, 128, ftype))
        file.write(vocabulary(has_scores=not is_old))
        blocks = random_blocks(kind)
        for name, ne in tensors():
            record = struct.pack("<3i", len(ne), len(name), F32 if len(ne) == 1 else kind)
            file.write(record + struct.pack(f"<{len(ne)}i", *ne) + name.encode())
            if not is_old:
                file.write(bytes(-file.tell() % 32))
            write_weights(file.write, ne, blocks)
    assert not is_old or path.stat().st_size == ALPACA_SIZE


def write_weights(write: Callable[[bytes], int], ne: tuple[int, ...], blocks: bytes) -> None:
    if len(ne) == 1:
        write(struct.pack("<f", 1.0) * ne[0])
        return
    left = ne[0] * ne[1] // 32 * 20
    while left:
        left -= write(blocks[:left])


def random_blocks(kind: int) -> bytes:
    """4 MB of blocks, twenty bytes for 32 weights in both types."""
    chance = random.Random(1)
    if kind == Q4_0:
        scale = struct.pack("<f", 0.01)
        return b"".join(scale + chance.randbytes(16) for _ in range(200_000))
    scale = struct.pack("<e", 0.01)
    return b"".join(scale + chance.randbytes(8) for _ in range(400_000))


def tensors() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "tok_embeddings.weight", (WIDTH, TOKENS)
    yield "norm.weight", (WIDTH,)
    yield "output.weight", (WIDTH, TOKENS)
    for layer in range(LAYERS):
        for name in ("wq", "wk", "wv", "wo"):
            yield f"layers.{layer}.attention.{name}.weight", (WIDTH, WIDTH)
        yield f"layers.{layer}.feed_forward.w1.weight", (WIDTH, FEED_FORWARD)
        yield f"layers.{layer}.feed_forward.w2.weight", (FEED_FORWARD, WIDTH)
        yield f"layers.{layer}.feed_forward.w3.weight", (WIDTH, FEED_FORWARD)
        yield f"layers.{layer}.attention_norm.weight", (WIDTH,)
        yield f"layers.{layer}.ffn_norm.weight", (WIDTH,)


def vocabulary(*, has_scores: bool) -> bytes:
    """As many texts as LLaMA has, no two alike, of the same length together."""
    texts = [" \u2047 ".encode(), b"", b"", *(bytes([value]) for value in range(256))]
    texts += [b"%05d" % number for number in range(259, TOKENS)]
    spare = VOCABULARY_SIZE - sum(4 + len(text) for text in texts)
    longer = range(259, 259 + spare)
    texts = [text + b"." if at in longer else text for at, text in enumerate(texts)]
    score = struct.pack("<f", -1.0) if has_scores else b""
    return b"".join(struct.pack("<I", len(text)) + text + score for text in texts)


if __name__ == "__main__":
    main()
