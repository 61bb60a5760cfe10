"""Runs GGUF files through llama.cpp and prints what it computes; a process of its own.

    python -m tests.legacy.oracle < orders.json > answers.json

An order is {name: [GGUF, expected.json]}. The expectations are there to feed the same tokens.
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

LENGTH = 32


def main() -> None:
    orders = json.load(sys.stdin)
    answers = {name: run(*map(Path, paths)) for name, paths in orders.items()}
    json.dump(answers, sys.stdout)


def run(gguf: Path, expected: Path) -> list[dict[str, Any]]:
    model = llama_cpp.Llama(
        str(gguf), n_ctx=512, n_threads=1, n_threads_batch=1, type_k=0, type_v=0, verbose=False
    )
    results = json.loads(expected.read_text())["results"]
    answers = [prompt(model, each["prompt"], each["tokens"]) for each in results]
    model.close()
    return answers


def prompt(model: llama_cpp.Llama, text: str, tokens: list[int]) -> dict[str, Any]:
    found = model.tokenize(text.encode(), add_bos=True, special=False)
    model.reset()
    model.eval(tokens)
    logits = last_logits(model)
    greedy = [int(np.argmax(logits))]
    while len(greedy) < LENGTH:
        model.eval(greedy[-1:])
        greedy.append(int(np.argmax(last_logits(model))))
    return {"tokens": found, "logits": logits.tolist(), "greedy": greedy}


def last_logits(model: llama_cpp.Llama) -> np.ndarray[Any, np.dtype[np.float32]]:
    values = llama_cpp.llama_get_logits_ith(model.ctx, -1)
    array = ctypes.cast(values, ctypes.POINTER(ctypes.c_float * model.n_vocab()))
    return np.array(array.contents, dtype=np.float32)


if __name__ == "__main__":
    main()
