"""How an old 7B file becomes GGUF, beside `cp` and `cp` with fsync, and how herd runs the result.

The file is made here: the shape, the types and the 4,212,727,017 bytes of
ggml-alpaca-7b-q4.bin, with random weights. Needs 13 GB of room for a while.

    python benchmarks/legacy.py [--folder DIR] [--rounds 3] [--run] [--q4-2] [--layers 32]

Prints each round, then medians and their ratio to `cp` with fsync. On a machine that others use
as well, the seconds of processor time say more than those of the clock. `--run` installs the file
with `herd install`, answers with `herd run`, and shows resident memory beside that of
llama-cpp-python as it comes, which maps the file and lays Q4_0 out anew beside it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

WIDTH, FEED_FORWARD, LAYERS, TOKENS = 4096, 11008, 32, 32000
VOCABULARY_SIZE = 304_574
ALPACA_SIZE = 4_212_727_017
F32, Q4_0, Q4_2 = 0, 2, 4
HERE = Path(__file__).resolve().parent.parent

CONVERT = """
import sys, threading
from pathlib import Path
from herd.legacy import Facts, convert
from herd.progress import Gauge
convert(Path(sys.argv[1]), Path(sys.argv[2]), Facts("random"), Gauge(), threading.Event())
"""
COPY_AND_SYNC = """
import os, subprocess, sys
subprocess.run(["cp", "--reflink=never", *sys.argv[1:3]], check=True)
os.fsync(os.open(sys.argv[2], os.O_RDONLY))
"""
AS_IT_COMES = """
import sys, llama_cpp
model = llama_cpp.Llama(sys.argv[1], n_ctx=512, verbose=False)
list(model.create_completion("Why do llamas hum?", max_tokens=8, temperature=0, stream=True))
"""


@dataclass(frozen=True)
class Took:
    """What one run took."""

    seconds: float
    processor: float
    """Seconds of user and system time, of all processes."""
    peak: int
    """Resident bytes of the largest process."""


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    wanted.add_argument("--folder", type=Path, help="where the large files go")
    wanted.add_argument("--rounds", type=int, default=3)
    wanted.add_argument("--layers", type=int, default=LAYERS, help="fewer make a smaller file")
    wanted.add_argument("--run", action="store_true", help="install it and answer with it")
    wanted.add_argument(
        "--q4-2", action="store_true", help="a ggjt file of Q4_2, made anew as Q8_0"
    )
    given = wanted.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        source = Path(folder, "ggml-7b.bin")
        # In a process of its own: what this one holds is the least that a child's peak can show.
        kind = Q4_2 if given.q4_2 else Q4_0
        writer = multiprocessing.Process(target=write_model, args=(source, kind, given.layers))
        writer.start()
        writer.join()
        if writer.exitcode:
            raise SystemExit("The file could not be written.")
        if given.rounds:
            measure(source, given.rounds)
        if given.run:
            run(source, Path(folder))


def took(command: list[str], **environ: str) -> Took:
    """Run a command to its end. Raises CalledProcessError when it fails."""
    begun = time.perf_counter()
    ran = subprocess.Popen(
        command,
        cwd=HERE,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(ran.pid, 0)
    ran.returncode = os.waitstatus_to_exitcode(status)
    if ran.returncode:
        raise subprocess.CalledProcessError(ran.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = time.perf_counter() - begun
    return Took(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def python(code: str, *words: Path | str, **environ: str) -> Took:
    return took([sys.executable, "-c", code, *map(str, words)], **environ)


def measure(source: Path, rounds: int) -> None:
    size = source.stat().st_size
    print(f"{source.name}: {size:,} bytes, {os.cpu_count()} processors")
    target = source.with_name("target")
    ways: dict[str, Callable[[], Took]] = {
        "cp": lambda: took(["cp", "--reflink=never", str(source), str(target)]),
        "cp + fsync": lambda: python(COPY_AND_SYNC, source, target),
        "convert": lambda: python(CONVERT, source, target),
    }
    seen: dict[str, list[Took]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, way in ways.items():
            os.sync()
            seen[name].append(way())
            target.unlink()
            show(f"{turn + 1}", name, seen[name][-1], size)
    beside = statistics.median(each.seconds for each in seen["cp + fsync"])
    for name, all_of_it in seen.items():
        middle = statistics.median(each.seconds for each in all_of_it)
        print(f"median  {name:10}  {middle:6.2f} s, {middle / beside:.2f} of cp + fsync")


def show(turn: str, name: str, each: Took, size: int) -> None:
    print(
        f"{turn:6}  {name:10}  {each.seconds:6.2f} s  {size / each.seconds / 1e9:5.2f} GB/s"
        f"  {each.processor:6.2f} s of processors ({size / each.processor / 1e9:.2f} GB/s)"
        f"  peak {each.peak / 1e6:.0f} MB",
        flush=True,
    )


def run(source: Path, folder: Path) -> None:
    """Install it, answer with it, and show what that takes of time and memory."""
    herd = [sys.executable, "-m", "herd"]
    home = {"HERD_HOME": str(folder / "home")}
    size = source.stat().st_size
    named = ["--as", "random", "--template", "plain", str(source)]
    show("", "install", took([*herd, "install", *named], **home), size)
    (gguf,) = (folder / "home" / "models" / "random").glob("*/*.gguf")
    ask = [*herd, "run", "--temperature", "0", "--max-tokens", "8", "random", "Why do llamas hum?"]
    for name, each in (("herd run", took(ask, **home)), ("as it comes", python(AS_IT_COMES, gguf))):
        share = each.peak / gguf.stat().st_size
        print(
            f"        {name:11} {each.seconds:6.2f} s, resident at most {each.peak / 1e9:.2f} GB,"
            f" {share:.2f} of the GGUF",
            flush=True,
        )


def write_model(path: Path, kind: int, layers: int) -> None:
    """The file, written as quickly as may be: one stretch of random blocks over and over."""
    is_old = kind == Q4_0
    with path.open("wb") as file:
        magic = b"lmgg" if is_old else b"tjgg" + struct.pack("<I", 1)
        ftype = 2 if is_old else 5
        file.write(magic + struct.pack("<7i", TOKENS, WIDTH, 256, 32, layers, 128, ftype))
        file.write(vocabulary(has_scores=not is_old))
        blocks = random_blocks(kind)
        for name, ne in tensors(layers):
            record = struct.pack("<3i", len(ne), len(name), F32 if len(ne) == 1 else kind)
            file.write(record + struct.pack(f"<{len(ne)}i", *ne) + name.encode())
            if not is_old:
                file.write(bytes(-file.tell() % 32))
            write_weights(file.write, ne, blocks)
    is_whole = is_old and layers == LAYERS
    assert not is_whole or path.stat().st_size == ALPACA_SIZE


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


def tensors(layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "tok_embeddings.weight", (WIDTH, TOKENS)
    yield "norm.weight", (WIDTH,)
    yield "output.weight", (WIDTH, TOKENS)
    for layer in range(layers):
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
