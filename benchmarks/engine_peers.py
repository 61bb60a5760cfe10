"""What herd's engine is measured against: each peer loads a model and answers on its stdin.

    python benchmarks/engine_peers.py plain|high|chat|readme|native MODEL THREADS

One JSON object a line: {"text": prompt, "tokens": n} in, {"first": s, "rate": tokens/s} out.
`plain` is the least that llama.cpp's C API asks for, `high` is llama-cpp-python's own class,
`chat` that class as its README talks with a model: `create_chat_completion`, drawn as it comes,
`readme` that with as many threads as it takes by itself (half of the processors),
`native` is llama.cpp's server in the xllamacpp wheel (run it with a Python that has one).
Every other peer draws greedily, and all forget what they read before.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator

CONTEXT = 4096
Stream = Callable[[str, int], Iterator[object]]


def main() -> None:
    kind, model, threads = sys.argv[1:4]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # llama.cpp prints where it likes
    began = time.perf_counter()
    kinds = {"plain": plain, "high": high, "chat": chat, "readme": chat, "native": native}
    stream = kinds[kind](model, 0 if kind == "readme" else int(threads))
    print(json.dumps({"loaded": time.perf_counter() - began}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(measured(stream, **asked)), file=answers, flush=True)
    os._exit(0)


def measured(stream: Stream, text: str, tokens: int) -> dict[str, float]:
    began = time.perf_counter()
    moments = [time.perf_counter() for _ in stream(text, tokens)]
    spent = moments[-1] - moments[0]
    return {
        "first": moments[0] - began,
        "rate": (len(moments) - 1) / spent if spent else 0.0,
        "tokens": len(moments),
    }


def plain(model: str, threads: int) -> Stream:
    """A loop of llama_decode and llama_sampler_sample in one process."""
    import llama_cpp as api

    quiet = api.llama_log_callback(lambda *_: None)
    api.llama_log_set(quiet, None)
    api.llama_backend_init()
    loaded = api.llama_model_load_from_file(model.encode(), api.llama_model_default_params())
    params = api.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = CONTEXT, threads, threads
    context = api.llama_init_from_model(loaded, params)
    vocab = api.llama_model_get_vocab(loaded)
    chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
    api.llama_sampler_chain_add(chain, api.llama_sampler_init_greedy())
    piece = ctypes.create_string_buffer(256)

    def stream(text: str, tokens: int) -> Iterator[object]:
        _ = quiet
        api.llama_memory_clear(api.llama_get_memory(context), True)
        raw = text.encode()
        found = (api.llama_token * (len(raw) + 8))()
        count = api.llama_tokenize(vocab, raw, len(raw), found, len(found), True, True)
        batch = api.llama_batch_get_one(found, count)
        one = (api.llama_token * 1)()
        for _ in range(tokens):
            assert api.llama_decode(context, batch) == 0
            one[0] = api.llama_sampler_sample(chain, context, -1)
            size = api.llama_token_to_piece(vocab, one[0], piece, 256, 0, False)
            yield piece.raw[:size]
            batch = api.llama_batch_get_one(one, 1)

    return stream


def high(model: str, threads: int) -> Stream:
    """llama-cpp-python's own class, as its README streams."""
    from llama_cpp import Llama

    llama = Llama(model, n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)

    def stream(text: str, tokens: int) -> Iterator[object]:
        llama.reset()
        yield from llama.create_completion(text, max_tokens=tokens, temperature=0.0, stream=True)

    return stream


def chat(model: str, threads: int) -> Stream:
    """llama-cpp-python's own class, talking as its README does."""
    from llama_cpp import Llama

    llama = Llama(model, n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)

    def stream(text: str, tokens: int) -> Iterator[object]:
        llama.reset()
        question = text.split("user\n")[-1].split("<|im_end|>")[0]
        messages = [{"role": "user", "content": question}]
        parts = llama.create_chat_completion(messages, max_tokens=tokens, stream=True)
        yield from (each for each in parts if "content" in each["choices"][0]["delta"])

    return stream


def native(model: str, threads: int) -> Stream:
    """llama.cpp's own server, asked over loopback as its clients do."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx, params.n_parallel = CONTEXT, 1
    params.hostnames, params.port = ["127.0.0.1"], free_port()
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = 0
    server = xllamacpp.Server(params)

    def stream(text: str, tokens: int) -> Iterator[object]:
        asked = {
            "prompt": text,
            "n_predict": tokens,
            "temperature": 0.0,
            "stream": True,
            "cache_prompt": False,
            "ignore_eos": True,
        }
        url = server.listening_address + "/completion"  # it ends with its last reference
        request = urllib.request.Request(url, json.dumps(asked).encode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as replies:
            for line in replies:
                if line.startswith(b"data: ") and not json.loads(line[6:]).get("stop"):
                    yield line

    return stream


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


if __name__ == "__main__":
    main()
