"""What today's llama.cpp computes from a converted file is what the old library computed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from .given import NAMES, ROOT, given, said
from .work import converted

Answers = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """llama.cpp's answers for every file, from one child process."""
    orders: dict[str, list[str]] = {}
    for name in NAMES:
        done = converted(given(name), tmp_path_factory.mktemp(name))
        orders[name] = [str(done.path), str(given(name, ".expected.json"))]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.legacy.oracle"],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: Answers = json.loads(ran.stdout)
    return found


def allowed(name: str) -> float:
    if name.endswith("f16") and "somef16" not in name:
        return 0.003
    return 0.05 if name.endswith(("q4_2", "q4_3")) else 0.04


@pytest.mark.parametrize("name", NAMES)
def test_the_tokens_the_logits_and_32_greedy_tokens_are_those_of_2023(
    name: str, answers: Answers
) -> None:
    expected = said(name, ".expected.json")["results"]
    logits = np.load(given(name, ".logits.npy"))

    for answer, result, old in zip(answers[name], expected, logits, strict=True):
        assert answer["tokens"] == result["tokens"]
        assert answer["greedy"] == result["greedy"]
        difference = np.array(answer["logits"]) - old
        assert np.sqrt(np.mean(difference**2)) / np.std(old) <= allowed(name)
