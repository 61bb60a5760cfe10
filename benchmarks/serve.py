"""herd's server beside llama.cpp's own: one stream, and eight at the same time.

    python benchmarks/serve.py MODEL.gguf --native PYTHON [--rounds 5] [--streams 8]

PYTHON is one with the xllamacpp wheel, which has llama.cpp's own server (it is built without
this processor's own instructions, herd's llama.cpp with them: the difference that a ratio
includes). Both servers run the whole time with the same threads and context; in each round
each has its turn, and a ratio is the median of the ratios of the rounds. Both are asked as
clients ask: `/v1/chat/completions`, streamed, greedily, a question of its own for each stream.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from herd.engine.cores import usable_cores

TOKENS = 96
CONTEXT = 2048
TOPICS = ["wool", "rain", "rivers", "bread", "clouds", "stones", "music", "sleep"]

NATIVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_parallel = sys.argv[1], int(sys.argv[2])
params.n_ctx = int(sys.argv[3]) * params.n_parallel
params.hostnames, params.port = ["127.0.0.1"], int(sys.argv[4])
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[5])
params.verbosity, params.use_jinja = 0, True
server = xllamacpp.Server(params)
print("ready", server.listening_address, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Answer:
    """What one stream saw."""

    first: float
    """Seconds to the first word."""
    tokens: int
    seconds: float
    """From the request to the end."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("model", type=Path)
    words.add_argument("--native", required=True, metavar="PYTHON")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--streams", type=int, default=8)
    given = words.parse_args()
    with ExitStack() as open_:
        home = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        servers = {
            "herd": open_.enter_context(herd(given.model, home)),
            "llama.cpp": open_.enter_context(native(given.native, given.model, given.streams)),
        }
        for port in servers.values():
            ask(port, "Warm up.")
        for streams in (1, given.streams):
            show(
                streams,
                [
                    {name: at_once(port, streams) for name, port in turn(servers, at)}
                    for at in range(given.rounds)
                ],
            )


def turn(servers: dict[str, int], at: int) -> list[tuple[str, int]]:
    """Who goes first changes from round to round."""
    order = list(servers.items())
    return order if at % 2 == 0 else order[::-1]


def at_once(port: int, streams: int) -> list[Answer]:
    """Every stream begins at the same moment."""
    answers: list[Answer] = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.append(ask(port, f"Tell me of {TOPICS[n % 8]}."))
        )
        for n in range(streams)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def ask(port: int, question: str) -> Answer:
    body = json.dumps(
        {
            "model": "bench",
            "stream": True,
            "temperature": 0,
            "max_tokens": TOKENS,
            "stream_options": {"include_usage": True},
            "cache_prompt": False,
            "messages": [{"role": "user", "content": question}],
        }
    )
    began = time.perf_counter()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    line.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    answer, first, tokens = line.getresponse(), 0.0, 0
    for raw in answer:
        if not raw.startswith(b"data: {"):
            continue
        said = json.loads(raw[6:])
        if said.get("usage"):
            tokens = said["usage"]["completion_tokens"]
        if not first and said["choices"] and said["choices"][0]["delta"].get("content"):
            first = time.perf_counter() - began
    line.close()
    return Answer(first, tokens, time.perf_counter() - began)


def show(streams: int, rounds: list[dict[str, list[Answer]]]) -> None:
    rates = {name: [rate(each[name]) for each in rounds] for name in rounds[0]}
    ratio = statistics.median(a / b for a, b in zip(rates["herd"], rates["llama.cpp"], strict=True))
    print(f"\n{streams} stream{'s' * (streams > 1)}, {TOKENS} tokens each, {len(rounds)} rounds")
    print(f"{'server':<12}{'tokens/s':>10}{'first p50':>12}{'first p95':>12}")
    for name, values in rates.items():
        firsts = sorted(each.first for one in rounds for each in one[name])
        p95 = firsts[min(len(firsts) - 1, int(len(firsts) * 0.95))]
        print(
            f"{name:<12}{statistics.median(values):>10.1f}"
            f"{statistics.median(firsts):>11.3f}s{p95:>11.3f}s"
        )
    print(f"herd / llama.cpp, median of the rounds: {ratio:.2f}x")


def rate(answers: list[Answer]) -> float:
    """Tokens of all streams in a second."""
    return sum(each.tokens for each in answers) / max(each.seconds for each in answers)


@contextmanager
def herd(model: Path, home: Path) -> Iterator[int]:
    port = free_port()
    env = os.environ | {"HERD_HOME": str(home), "HERD_CONTEXT": str(CONTEXT)}
    command = [sys.executable, "-m", "herd"]
    subprocess.run([*command, "install", "-q", "--as", "bench", str(model)], env=env, check=True)
    with serving([*command, "serve", "-q", "--port", str(port), "--model", "bench"], env, port):
        yield port


@contextmanager
def native(python: str, model: Path, streams: int) -> Iterator[int]:
    port = free_port()
    numbers = [str(each) for each in (streams, CONTEXT, port, usable_cores())]
    with serving([python, "-c", NATIVE, str(model), *numbers], dict(os.environ), port):
        yield port


@contextmanager
def serving(command: list[str], env: dict[str, str], port: int) -> Iterator[None]:
    child = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 120
        while not is_healthy(port):
            assert child.poll() is None, command
            assert time.monotonic() < end, command
            time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait(20)


def is_healthy(port: int) -> bool:
    try:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        line.request("GET", "/health")
        return line.getresponse().status == 200
    except OSError:
        return False


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    main()
