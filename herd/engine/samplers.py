"""How the next token is drawn: llama.cpp's own samplers in its order, and the odds. In the child.

`api` is llama_cpp's module with the C functions, which `binding.py` opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from herd.model import Sampling

_ANY_SEED = (1 << 32) - 1  # this one itself means: a seed that nobody knows
_EVERYTHING = 4096


def samplers(api: Any, sampling: Sampling, vocabulary: int, seen: Sequence[int]) -> list[object]:
    """The chain in llama.cpp's own order, ending with what draws.

    The prompt, `seen`, is for the penalty alone: a grammar has no place for it.
    """
    chain: list[object] = []
    if last := _looks_back(sampling):
        penalty = sampling.repeat_penalty
        chain.append(api.llama_sampler_init_penalties(vocabulary, last, penalty, 0.0, 0.0))
        for token in seen[max(0, len(seen) - last) :]:
            api.llama_sampler_accept(chain[0], token)
    if sampling.temperature is not None and sampling.temperature <= 0:
        return [*chain, api.llama_sampler_init_greedy()]
    if sampling.top_k is not None:
        chain.append(api.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p is not None:
        chain.append(api.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p is not None:
        chain.append(api.llama_sampler_init_min_p(sampling.min_p, 1))
    if sampling.temperature is not None:
        chain.append(api.llama_sampler_init_temp(sampling.temperature))
    seed = api.LLAMA_DEFAULT_SEED if sampling.seed is None else sampling.seed % _ANY_SEED
    return [*chain, api.llama_sampler_init_dist(seed)]


def _looks_back(sampling: Sampling) -> int:
    """Tokens that the repetition penalty looks back on, 0 without one."""
    penalty, last = sampling.repeat_penalty, sampling.repeat_last_n
    if penalty is None or penalty <= 0 or penalty == 1:
        return 0
    return 64 if last is None else last if last >= 0 else _EVERYTHING


def odds(logits: Any, size: int, token: int, most: int) -> tuple[float, dict[int, float]]:
    """The logarithm of the probability of a token, and those of the likeliest ones.

    Args:
        logits: float32[size], as llama.cpp has them.
        size: Tokens of the vocabulary.
        token: The one that was drawn.
        most: How many of the likeliest to give.
    """
    import numpy as np  # 60 ms, for those alone who ask for probabilities

    values = np.ctypeslib.as_array(logits, (size,)).astype(np.float64)
    values -= values.max()
    values -= np.log(np.exp(values).sum())
    best = np.argsort(values)[::-1][:most]
    return float(values[token]), {int(each): float(values[each]) for each in best}
