"""Whether a model has fallen into a loop: the same words again and again. Pure.

Small models do, and would go on until the context is full.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_PERIOD = 64
"""Tokens of what is said again and again."""
LEAST_TOKENS = 192
LEAST_TIMES = 8
LOOK_EVERY = 32
"""Tokens between two looks."""


def is_looping(tokens: Sequence[int]) -> bool:
    """Whether the end of an answer is one stretch said at least eight times over.

    Args:
        tokens: The answer so far; only its last few hundred tokens are looked at.
    """
    return any(_has_period(tokens, period) for period in range(1, LONGEST_PERIOD + 1))


def _has_period(tokens: Sequence[int], period: int) -> bool:
    length = max(LEAST_TOKENS, LEAST_TIMES * period)
    if len(tokens) < length or tokens[-1] != tokens[-1 - period]:
        return False
    tail = tokens[-length:]
    return all(tail[at] == tail[at - period] for at in range(period, length))
